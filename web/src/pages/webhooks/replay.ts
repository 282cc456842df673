import type { ReplayedDeliveries } from "@cronium/protocol/api/endpoints";
import { useMutation, type UseMutationResult, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { replayDeliveries } from "../../api/endpoints.ts";
import { keys } from "../../api/keys.ts";

export type Replayed = ReplayedDeliveries["items"][number];

/** Few, so that there is progress to see. */
const AT_ONCE = 10;

export interface Replay {
  readonly work: UseMutationResult<readonly Replayed[], Error, readonly string[]>;
  /** How many have been worked through so far. */
  readonly done: number;
}

/** Works through deliveries again, some at a time, oldest first as they are given. */
export function useReplay(): Replay {
  const client = useQueryClient();
  const [done, setDone] = useState(0);
  const work = useMutation({
    mutationFn: async (ids: readonly string[]): Promise<readonly Replayed[]> => {
      const replayed: Replayed[] = [];
      for (let from = 0; from < ids.length; from += AT_ONCE) {
        setDone(from);
        replayed.push(...(await replayDeliveries(ids.slice(from, from + AT_ONCE))).items);
      }
      setDone(ids.length);
      return replayed;
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.allDeliveries() }),
  });
  return { work, done };
}

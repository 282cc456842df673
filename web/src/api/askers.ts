import { useQuery } from "@tanstack/react-query";
import { membersQuery } from "./members.ts";
import { apiKeysQuery } from "./settings.ts";

const STALE_MS = 5 * 60_000;

/** Names of the people and keys that ask for runs; of keys those that this person may see. */
export function useAskerNames(): (id: string) => string | undefined {
  const members = useQuery({ ...membersQuery(), staleTime: STALE_MS });
  const known = useQuery({ ...apiKeysQuery(), staleTime: STALE_MS });
  return (id) =>
    members.data?.items.find((member) => member.userId === id)?.name ??
    known.data?.items.find((key) => key.id === id)?.name;
}

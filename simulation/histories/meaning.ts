/**
 * What frames mean, for comparing two conversations: which of them share a frame, and in which order those of different
 * attempts come, does not matter; nor does how often one is repeated, for repeating says nothing new.
 */
import { isDeepStrictEqual } from "node:util";
import type { Frame } from "./history.ts";

/** Statements about each attempt, in order; those about none under the empty name. */
export type Meaning = Record<string, unknown[]>;

interface Ref {
  readonly runId: string;
  readonly attempt: number;
}

/** Lists of attempts within a frame, by the frame's type. */
const LISTS: Readonly<Record<string, string>> = {
  accept: "jobs",
  done: "jobs",
  jobs: "jobs",
  ack: "jobs",
  granted: "grants",
};

/** `ignored` are fields that chance decides where the frames come from. */
export function meaningOf(frames: readonly Frame[], ignored: readonly string[] = []): Meaning {
  const meaning: Meaning = {};
  const say = (about: string, statement: unknown): void => {
    const said = (meaning[about] ??= []);
    if (!said.some((one) => isDeepStrictEqual(one, statement))) {
      said.push(statement);
    }
  };
  for (const frame of frames) {
    const plain = JSON.parse(
      JSON.stringify(frame, (key, value: unknown) => (ignored.includes(key) ? undefined : value)),
    ) as Frame;
    const list = LISTS[plain.type];
    if (list !== undefined) {
      const { [list]: refs, ...rest } = plain;
      for (const ref of refs as readonly Ref[]) {
        say(nameOf(ref), { ...rest, ...ref });
      }
    } else {
      const { runId, attempt } = plain as Partial<Ref>;
      say(runId === undefined || attempt === undefined ? "" : nameOf({ runId, attempt }), plain);
    }
  }
  return meaning;
}

function nameOf({ runId, attempt }: Ref): string {
  return `${runId}/${attempt}`;
}

/** What the job of a run has said of itself: a name, a condition, how far it is, and how many files it keeps. */
import type { RunSummary } from "@cronium/protocol";

export interface RunNotes {
  /** Stays over all attempts. */
  readonly name: string | null;
  /** Which attempt said what follows; another one begins anew. */
  readonly attempt: number;
  readonly condition: boolean | null;
  readonly progress: {
    readonly fraction: number | null;
    readonly message: string | null;
    /** Milliseconds since 1970. */
    readonly at: number;
  } | null;
  /** Numbers of artifacts that were given out. */
  readonly artifacts: number;
}

const NONE: RunNotes = { name: null, attempt: 0, condition: null, progress: null, artifacts: 0 };

export function noted(notes: RunNotes | null, attempt: number, change: Partial<RunNotes>): RunNotes {
  const { name, artifacts } = notes ?? NONE;
  const before = notes?.attempt === attempt ? notes : { ...NONE, name, artifacts };
  return { ...before, ...change, attempt };
}

/** As people see it: of the newest attempt alone, but for the name. */
export function shownNotes(
  notes: RunNotes | null,
  attempt: number,
): Pick<RunSummary, "name" | "condition" | "progress"> {
  if (notes === null) {
    return { name: null, condition: null, progress: null };
  }
  const { name } = notes;
  if (notes.attempt !== attempt) {
    return { name, condition: null, progress: null };
  }
  const { condition, progress } = notes;
  return {
    name,
    condition,
    progress: progress === null ? null : { ...progress, at: new Date(progress.at).toISOString() },
  };
}

/** One line of `doctor`: what was looked at, and what to do about it. */

export interface Finding {
  /** Nothing has to be done for jobs to run; `note` says what is off all the same. */
  readonly ok: boolean;
  readonly level: "ok" | "note" | "fix";
  /** What is the case, and why that matters where it is not plain. */
  readonly what: string;
  /** The exact next step; empty when nothing is to be done. */
  readonly fix: string;
}

export function fine(what: string): Finding {
  return { ok: true, level: "ok", what, fix: "" };
}

/** Jobs run, and something is less than it could be. */
export function note(what: string, fix: string): Finding {
  return { ok: true, level: "note", what, fix };
}

export function toFix(what: string, fix: string): Finding {
  return { ok: false, level: "fix", what, fix };
}

/** One test, whatever ran it. */
export interface Outcome {
  /** Part of the run it belongs to: a Vitest project, `python`, `bats`, `check`. */
  readonly part: string;
  /** File and title, as a person would look for it. */
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped. */
  readonly detail?: string;
}

/** What one part of a suite brought. */
export interface PartResult {
  readonly part: string;
  readonly ms: number;
  readonly outcomes: readonly Outcome[];
}

/** A failure of the run itself: it counts as a failed test, so that nothing goes missing quietly. */
export function failure(part: string, name: string, detail: string): Outcome {
  return { part, name, state: "failed", detail };
}

/** Adds a failure when a part brought no test at all. */
export function requireTests(result: PartResult): PartResult {
  if (result.outcomes.length > 0) {
    return result;
  }
  const missing = failure(result.part, "the suite did not run", "0 tests were found");
  return { ...result, outcomes: [missing] };
}

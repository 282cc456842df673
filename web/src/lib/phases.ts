/** The four phases of an attempt, from the times the API gives. */
import type { Attempt, Run } from "@cronium/protocol/run";
import { runTones, type Tone } from "./run-look.ts";

export interface Phase {
  readonly name: "queued" | "starting" | "running" | "finishing";
  /** Milliseconds since 1970; null when not reached. */
  readonly from: number | null;
  readonly to: number | null;
  /** `ended`: the attempt ended in this phase, in the tone of its outcome. */
  readonly status: "done" | "now" | "ended" | "ahead";
  readonly tone: Tone;
}

/** `attempt` is null while no runner has been found. Attempts after the first wait from the end of the one before. */
export function phasesOf(run: Run, attempt: Attempt | null): readonly Phase[] {
  const before =
    attempt === null ? run.attempts.at(-1) : run.attempts.findLast((other) => other.attempt < attempt.attempt);
  const queuedAt = before?.finishedAt ?? run.queuedAt;
  const end = attempt === null ? run.finishedAt : attempt.finishedAt;
  const starts = [queuedAt, attempt?.offeredAt, attempt?.startedAt, attempt?.exitedAt].map(parse);
  const endAt = parse(end);
  const isOver = endAt !== null;
  const last = starts.findLastIndex((start) => start !== null);
  const names = ["queued", "starting", "running", "finishing"] as const;
  // Finishing is bookkeeping; an outcome is shown where the script had it.
  const outcomeAt = last === 3 ? 2 : last;
  const tone = runTones[run.state];
  return names.map((name, index): Phase => {
    const from = starts[index] ?? null;
    const next = starts.slice(index + 1).find((start) => start !== null && start !== undefined) ?? endAt;
    if (from === null) {
      return { name, from: null, to: null, status: "ahead", tone: "quiet" };
    }
    if (isOver && index === outcomeAt) {
      return { name, from, to: next, status: "ended", tone: attempt === null ? tone : outcomeTone(attempt, tone) };
    }
    if (!isOver && index === last) {
      return {
        name,
        from,
        to: null,
        status: "now",
        tone: index === 0 ? "quiet" : run.state === "cancelling" ? "warn" : "live",
      };
    }
    return { name, from, to: next, status: "done", tone: "quiet" };
  });
}

function outcomeTone(attempt: Attempt, ofRun: Tone): Tone {
  switch (attempt.state) {
    case "succeeded":
      return "good";
    case "failed":
    case "timed_out":
    case "lost":
      return "bad";
    case "cancelled":
    case "declined":
      return "quiet";
    case "offered":
    case "accepted":
    case "running":
    case "finishing":
      return ofRun;
    default:
      return attempt.state satisfies never;
  }
}

function parse(at: string | null | undefined): number | null {
  return at === null || at === undefined ? null : Date.parse(at);
}

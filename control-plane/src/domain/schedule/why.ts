/** The answer to "why did it not run at 02:00?", for any time. */
import type { Run, WhyAnswer, WhyVerdict } from "@cronium/protocol";
import { isTerminal, queueReasons, type QueueReason } from "@cronium/protocol/run-states";
import { occurrenceReasons } from "@cronium/protocol/schedule-tables";
import { spanText } from "./check.ts";
import type { WhyFacts } from "./ledger.ts";
import { localText } from "./preview.ts";

const MINUTE_MS = 60_000;

/** Which nominal times are meant by `at`: those of its minute, or of its second where it names one. */
export function meantBy(at: number): { readonly from: number; readonly until: number } {
  const whole = Math.floor(at / 1_000) * 1_000;
  return { from: whole, until: whole + (whole % MINUTE_MS === 0 ? MINUTE_MS : 1_000) };
}

/** `run`: of the occurrence, where it has one that is still kept. Times are milliseconds since 1970. */
export function answerWhy(at: number, facts: WhyFacts, run: Run | null, now: number): WhyAnswer {
  const [verdict, message] = judge(at, facts, run, now);
  const iso = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());
  return {
    at: new Date(at).toISOString(),
    verdict,
    message,
    occurrence: facts.occurrence,
    before: iso(facts.before),
    after: iso(facts.after),
  };
}

function judge(at: number, facts: WhyFacts, run: Run | null, now: number): readonly [WhyVerdict, string] {
  const { occurrence, said, nominalAt, createdAt, keptFrom, timezone } = facts;
  const shown = (time: number): string => localText(timezone, time);
  if (occurrence !== null) {
    return ofOccurrence(occurrence, run);
  }
  if (said === null || at < createdAt) {
    return [
      "before_created",
      `The schedule did not exist yet: it was created at ${shown(createdAt)}. A backfill runs times from before.`,
    ];
  }
  if (said.what === "paused") {
    return ["paused", `The schedule was paused since ${shown(said.since)}: ${said.message ?? "somebody paused it."}`];
  }
  if (nominalAt === null) {
    return noTime(facts, shown);
  }
  if (nominalAt > now) {
    return ["in_the_future", `It fires then: at ${shown(nominalAt)}.`];
  }
  if (nominalAt < keptFrom) {
    return ["not_kept", `What was decided then is not kept any more; decisions are kept since ${shown(keptFrom)}.`];
  }
  if (nominalAt <= createdAt) {
    return ["before_created", `The schedule was created at ${shown(createdAt)}, when that time had passed.`];
  }
  if (nominalAt < said.since) {
    return [
      "no_nominal_time",
      `The schedule was changed at ${shown(said.since)}, when that time had passed; before, it named no time there.`,
    ];
  }
  return ["overdue", `It is due since ${shown(nominalAt)} and is being decided; look again in a moment.`];
}

function noTime({ before, after }: WhyFacts, shown: (at: number) => string): readonly [WhyVerdict, string] {
  if (before === null && after === null) {
    return ["ended", "The schedule names no time at all around then."];
  }
  if (after === null) {
    return ["ended", `The schedule had ended: its last time was ${shown(before ?? 0)}.`];
  }
  const last = before === null ? "It had not begun" : `The one before is ${shown(before)}`;
  return ["no_nominal_time", `The schedule names no time there. ${last}, the next one is ${shown(after)}.`];
}

function ofOccurrence(occurrence: NonNullable<WhyFacts["occurrence"]>, run: Run | null): readonly [WhyVerdict, string] {
  const { decision, reason, message } = occurrence;
  const why = message ?? occurrenceReasons[reason];
  const late = occurrence.latenessMs >= 1_000 ? ` ${spanText(occurrence.latenessMs)} after it was due` : "";
  if (decision === "skipped") {
    return ["skipped", `It was skipped: ${why}`];
  }
  if (decision === "missed") {
    return ["missed", `It was not run: ${why}${late === "" ? "" : ` It was decided${late}.`}`];
  }
  if (occurrence.runId === null) {
    return ["waiting", why];
  }
  if (run === null) {
    return ["ran", `It became run ${occurrence.runId}${late}, which is not kept any more.`];
  }
  if (run.state === "queued") {
    const queued = run.queueReason === null ? null : queueReasons[run.queueReason as QueueReason];
    return [
      "waiting",
      `Its run waits in the queue: ${run.message ?? queued ?? "it is about to be offered to a runner."}`,
    ];
  }
  if (!isTerminal(run.state)) {
    return ["running", `Its run is ${run.state} since ${run.startedAt ?? run.queuedAt}.`];
  }
  if (run.startedAt === null) {
    return [
      "did_not_start",
      `Its run ended as ${run.state} without a start${run.message === null ? "." : `: ${run.message}`}`,
    ];
  }
  return [
    "ran",
    `It ran and ${run.state === "succeeded" ? "succeeded" : `ended as ${run.state}`}${late === "" ? "" : `; it was queued${late}`}.${run.message === null ? "" : ` ${run.message}`}`,
  ];
}

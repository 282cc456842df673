/** Questions about nominal times, and what the Dispatcher knows to answer them. */
import type { Occurrence, OccurrenceDecision } from "@cronium/protocol";

export interface OccurrenceAsk {
  readonly scheduleId?: string | undefined;
  readonly eventId?: string | undefined;
  readonly decision?: OccurrenceDecision | undefined;
  /** Milliseconds since 1970; the second one is not included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Behind this one, newest first. */
  readonly before: { readonly at: number; readonly id: string } | null;
  readonly limit: number;
}

/** What is known about a schedule at a time. Times are milliseconds since 1970. */
export interface WhyFacts {
  readonly createdAt: number;
  readonly timezone: string;
  /** What was decided. */
  readonly occurrence: Occurrence | null;
  /** What the schedule was then; null before it existed. */
  readonly said: {
    readonly what: "active" | "paused" | "deleted";
    readonly message: string | null;
    readonly since: number;
  } | null;
  /** The nominal time that is meant, and those around it, by what the schedule said then. */
  readonly nominalAt: number | null;
  readonly before: number | null;
  readonly after: number | null;
  /** Decisions from before this are not kept. */
  readonly keptFrom: number;
}

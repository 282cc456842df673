/** Chains: an event whose runs start others when they end. Told in docs/chains.md. */
import * as z from "zod";
import { chainedStates, chainEnds, MAX_CHAINS } from "./chain-tables.ts";
import { EventId } from "./ids.ts";

/** What starts when a run of the event has ended for good; its retries are over then. */
export const Chain = z.strictObject({
  /** The event that is started. */
  eventId: EventId,
  /** `failure`: it failed, or expired before its start. `any`: however it ended, also when it was cancelled. */
  on: z.enum(chainEnds),
  /**
   * JSONata over `{output, input, run, on}` that makes the input, 1 to 4,000 characters. Null, the default: the output is
   * the input, and where there is none the started event's default input.
   */
  mapping: z.string().min(1).max(4_000).nullable().default(null),
});
export type Chain = z.infer<typeof Chain>;

export const Chains = z.array(Chain).max(MAX_CHAINS, `must hold at most ${MAX_CHAINS} events`);

/** What became of one chain at the end of a run. */
export const ChainedRun = z
  .strictObject({
    eventId: z.string(),
    on: z.enum(chainEnds),
    state: z.enum(chainedStates),
    /** Why there is no run; null unless refused. A key of `chainReasons`. */
    reason: z.string().nullable(),
    /** The reason in one sentence that names the values at hand; null unless refused. */
    message: z.string().nullable(),
    /** Null unless started. */
    runId: z.string().nullable(),
    /** When the run ended that it follows. */
    at: z.iso.datetime(),
  })
  .meta({ id: "ChainedRun" });
export type ChainedRun = z.infer<typeof ChainedRun>;

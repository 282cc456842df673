/** What the end of a run starts: which chains follow it, what their mappings see, and what their runs say of it. */
import type { Chain, ChainedRun, ChainReason, Json, RunOrigin, RunState } from "@cronium/protocol";
import { followsEnd, MAX_CHAIN_DEPTH, type ChainEnd } from "@cronium/protocol/chain-tables";
import type { FieldError } from "@cronium/protocol/errors";
import type { Refusal } from "./dispatcher.ts";
import type { RunRecord } from "./run.ts";
import { compileMapping } from "./webhooks/mapping.ts";

/** What became of a chain, as it is kept with its run. */
export interface ChainRecord extends Omit<ChainedRun, "at" | "reason"> {
  /** Which end of the run: how often it had been put back as a dead letter. */
  readonly requeues: number;
  /** Which of the event's chains, from 0. */
  readonly n: number;
  readonly reason: ChainReason | null;
  readonly at: number;
}

/** Decisions that are kept with a run; only one that is requeued again and again makes more. */
const MOST_KEPT = 50;

/** The run as a mapping sees it: how it ended, kept from then on, because a dead letter may live again. */
export interface ChainFacts {
  readonly id: string;
  readonly name: string | null;
  readonly eventId: string;
  readonly eventName: string;
  readonly eventVersion: number;
  readonly state: RunState;
  /** Whichever reason the state has; null for none. */
  readonly reason: string | null;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly attempt: number;
  readonly queuedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export function factsOf(run: RunRecord): ChainFacts {
  const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  return {
    id: run.id,
    name: run.notes?.name ?? null,
    eventId: run.eventId ?? "",
    eventName: run.eventName,
    eventVersion: run.eventVersion ?? 0,
    state: run.state,
    reason: run.failReason ?? run.cancelReason ?? run.expireReason,
    message: run.message,
    exitCode: run.exitCode,
    attempt: run.attempt,
    queuedAt: new Date(run.queuedAt).toISOString(),
    startedAt: iso(run.startedAt),
    finishedAt: iso(run.finishedAt),
  };
}

/** The chains of its event that follow this end, by their place. */
export function chainsAtEnd(
  run: Pick<RunRecord, "state">,
  chains: readonly Chain[],
): readonly { readonly n: number; readonly chain: Chain }[] {
  return chains.flatMap((chain, n) => (followsEnd(chain.on, run.state) ? [{ n, chain }] : []));
}

/** With a decision for each of these chains, all of them pending. */
export function withPending(
  run: RunRecord,
  following: readonly { readonly n: number; readonly chain: Chain }[],
  now: number,
): RunRecord {
  const pending = following.map(({ n, chain: { eventId, on } }): ChainRecord => ({
    requeues: run.requeues,
    n,
    eventId,
    on,
    state: "pending",
    reason: null,
    message: null,
    runId: null,
    at: now,
  }));
  return { ...run, chained: [...(run.chained ?? []), ...pending].slice(-MOST_KEPT) };
}

export type Settled =
  | { readonly state: "started"; readonly runId: string }
  | { readonly state: "refused"; readonly reason: ChainReason; readonly message: string };

export function withSettled(run: RunRecord, of: Pick<ChainRecord, "requeues" | "n">, settled: Settled): RunRecord {
  const chained = (run.chained ?? []).map((one) =>
    one.requeues === of.requeues && one.n === of.n ? { ...one, ...settled } : one,
  );
  return { ...run, chained };
}

export function viewChained(chained: RunRecord["chained"]): ChainedRun[] {
  return (chained ?? []).map(({ requeues: _r, n: _n, at, ...one }) => ({ ...one, at: new Date(at).toISOString() }));
}

/** Of a run that this one starts; null where as many have followed one another as may. */
export function originAfter(
  run: Pick<RunRecord, "id" | "origin" | "eventId" | "eventName">,
  on: ChainEnd,
): RunOrigin | null {
  const before = run.origin?.type === "chain" ? run.origin : { rootRunId: run.id, depth: 0 };
  if (before.depth >= MAX_CHAIN_DEPTH) {
    return null;
  }
  const { rootRunId, depth } = before;
  return {
    type: "chain",
    runId: run.id,
    eventId: run.eventId ?? "",
    eventName: run.eventName,
    on,
    rootRunId,
    depth: depth + 1,
  };
}

/** Undefined for the default input of the event that is started. Never throws. */
export async function inputOf(
  mapping: string | null,
  data: { readonly output: Json; readonly input: Json; readonly run: ChainFacts; readonly on: ChainEnd },
): Promise<{ readonly ok: true; readonly value: Json | undefined } | { readonly ok: false; readonly message: string }> {
  if (mapping === null) {
    return { ok: true, value: data.output ?? undefined };
  }
  const compiled = compileMapping(mapping);
  const result = compiled.ok ? await compiled.mapping.evaluate({ ...data, run: { ...data.run } }) : compiled;
  return result.ok ? result : { ok: false, message: `The mapping made no input: ${result.message}.` };
}

export function refusedBy({ code, message }: Refusal): Extract<Settled, { state: "refused" }> {
  const reasons: Partial<Record<Refusal["code"], ChainReason>> = {
    not_found: "event_missing",
    invalid_input: "invalid_input",
    quota_exceeded: "quota",
  };
  return { state: "refused", reason: reasons[code] ?? "refused", message };
}

/** What is wrong with the mappings of an event that is being saved. */
export function chainErrors({ chains = [] }: { readonly chains?: readonly Chain[] | undefined }): FieldError[] {
  return chains.flatMap(({ mapping }, i) => {
    const compiled = mapping === null ? null : compileMapping(mapping);
    if (compiled === null || compiled.ok) {
      return [];
    }
    const at = compiled.position === null ? "" : ` (at character ${compiled.position})`;
    const message = `is not accepted: ${compiled.message}${at}`;
    return [{ pointer: `/chains/${i}/mapping`, code: "invalid_mapping" as const, message }];
  });
}

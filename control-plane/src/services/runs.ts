/** Runs: triggered and decided in the Dispatcher; read there while they are live, from their projection after. */
import type {
  AdHocRun,
  BatchAccepted,
  Json,
  RetryRun,
  Run,
  RunFilter,
  RunListQuery,
  RunState,
  RunSummary,
  TriggerBatch,
  TriggerOptions,
  UpdateRun,
} from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { MAX_INPUT_BYTES } from "@cronium/protocol/limits";
import { DEFAULT_QUEUE } from "@cronium/protocol/queueing";
import { isTerminal } from "@cronium/protocol/run-states";
import type { Deps } from "../deps.ts";
import { stampOf, type Act, type Stamp } from "../domain/act.ts";
import { actorId, type Actor } from "../domain/actor.ts";
import { detailKey } from "../domain/blob-keys.ts";
import type { EnqueueCommand, Refusal } from "../domain/dispatcher.ts";
import { askedBy } from "../domain/run-origin.ts";
import type { RunDetail } from "../domain/run.ts";
import { readAll } from "../store/blobs.ts";
import { findRunRow, listRunRows, type RunRowFilter } from "../store/runs.ts";
import { dispatcherOfRun } from "./dispatchers.ts";
import { noEvent } from "./events.ts";
import { causeOf, type Cause } from "./idempotency.ts";
import { enqueueOptions } from "./enqueue-options.ts";
import { refused, unwrap } from "./outcome.ts";
import { enqueueRun, enqueueRuns } from "./placement.ts";
import { pageFrom, readCursor } from "./page-cursor.ts";

export interface Accepted {
  readonly runId: string;
  readonly created: boolean;
}

/**
 * Refuses a trigger without a key of a workspace whose triggers came too fast a moment ago, before anything is read of
 * it. A repeat of an accepted trigger is answered as before, whatever the quota says: only the Dispatcher knows.
 */
export async function refuseHeldTrigger(deps: Deps, { workspaceId }: Actor, key: string | undefined): Promise<void> {
  const held = key === undefined ? deps.heldTriggers.of(workspaceId) : null;
  if (held !== null) {
    await deps.heldTriggers.leisure(workspaceId, (ms) => new Promise((resolve) => setTimeout(resolve, ms)));
    throw refused(held);
  }
}

/** One hop to the Dispatcher, two where the queue has a shard: the answer leaves when the run is durable. */
export async function triggerRun(
  deps: Deps,
  actor: Actor,
  target: EnqueueCommand["target"],
  asked: { readonly input: Json | undefined; readonly options: TriggerOptions; readonly by?: Stamp },
  cause: Cause,
): Promise<Accepted> {
  const { input, options, by } = asked;
  checkInput(input ?? null);
  const runId = makeId("run", deps.clock.now(), deps.ids.random(10));
  const outcome = await enqueueRun(deps, actor.workspaceId, {
    runId,
    causeKey: cause.key ?? runId,
    bodyHash: cause.bodyHash,
    trigger: actor.kind === "user" ? "manual" : "api",
    input,
    options: enqueueOptions(options, deps.clock.now()),
    target,
    origin: askedBy({ kind: actor.kind, id: actorId(actor) }),
    ...(by === undefined ? {} : { by }),
  });
  if (!outcome.ok) {
    deps.heldTriggers.note(actor.workspaceId, outcome);
  }
  return unwrap(outcome);
}

/** As many runs as triggers, in one commit. A refused one does not hold up the others. */
export async function triggerBatch(
  deps: Deps,
  actor: Actor,
  eventId: string,
  { runs }: TriggerBatch,
  cause: Cause,
): Promise<BatchAccepted> {
  const now = deps.clock.now();
  const commands = runs.map(({ input, idempotencyKey, ...options }, i): EnqueueCommand => {
    checkInput(input ?? null, `/runs/${i}`);
    const runId = makeId("run", now, deps.ids.random(10));
    const own = ownCause(actor, idempotencyKey, `POST /events/${eventId}/runs/batch`, { input, ...options });
    return {
      runId,
      causeKey: own?.key ?? (cause.key === null ? runId : `${cause.key} ${i}`),
      bodyHash: own?.bodyHash ?? cause.bodyHash,
      trigger: actor.kind === "user" ? "manual" : "api",
      input,
      options: enqueueOptions(options, now, `/runs/${i}`),
      target: { kind: "event", eventId },
      origin: askedBy({ kind: actor.kind, id: actorId(actor) }),
    };
  });
  const outcomes = unwrap(await enqueueRuns(deps, actor.workspaceId, { commands, cause }));
  if (outcomes.every((outcome) => !outcome.ok && outcome.code === "not_found")) {
    throw noEvent(eventId);
  }
  const [first] = outcomes;
  if (first?.ok === false && outcomes.every((outcome) => !outcome.ok && outcome.code === "quota_exceeded")) {
    throw refused(first);
  }
  return {
    items: outcomes.map((outcome) =>
      outcome.ok
        ? { runId: outcome.value.runId, created: outcome.value.created, error: null }
        : { runId: null, created: false, error: refusalOf(outcome) },
    ),
  };
}

function refusalOf({ code, message, errors = [] }: Refusal): NonNullable<BatchAccepted["items"][number]["error"]> {
  return { code, message, ...(errors.length === 0 ? {} : { errors: [...errors] }) };
}

function ownCause(actor: Actor, key: string | undefined, operation: string, body: unknown): Cause | null {
  return key === undefined ? null : causeOf(actor, key, operation, new TextEncoder().encode(JSON.stringify(body)));
}

export async function runAdHoc(deps: Deps, actor: Actor, request: AdHocRun, cause: Cause): Promise<Accepted> {
  const { name, input, priority, delayMs, delayUntil, queue, ...definition } = request;
  const options = { priority, delayMs, delayUntil };
  return triggerRun(deps, actor, { kind: "adhoc", name, queue, definition }, { input, options }, cause);
}

function checkInput(input: Json, at = ""): void {
  const { byteLength } = new TextEncoder().encode(JSON.stringify(input));
  if (byteLength > MAX_INPUT_BYTES) {
    const message = `The input has ${byteLength} bytes of JSON; the limit is ${MAX_INPUT_BYTES}.`;
    throw new AppError("body_too_large", message, {
      errors: [{ pointer: `${at}/input`, code: "body_too_large", message: `must be at most ${MAX_INPUT_BYTES} bytes` }],
    });
  }
}

/** Throws `not_found` for an unknown run and for one of another workspace alike. */
export async function getRun(deps: Deps, actor: Actor, runId: string): Promise<Run> {
  const run = await findRun(deps, actor.workspaceId, runId);
  if (run === null) {
    throw new AppError("not_found", `There is no run ${runId}.`);
  }
  return run;
}

/** From the Dispatcher while it is there, else from D1. */
export async function findRun(deps: Deps, workspaceId: string, runId: string): Promise<Run | null> {
  const dispatcher = await dispatcherOfRun(deps, workspaceId, runId);
  return (await dispatcher.getRun(runId)) ?? (await findPastRun(deps, workspaceId, runId));
}

/** What runs have that were stored before these fields existed. */
const beforeQueues = {
  expireReason: null,
  queue: DEFAULT_QUEUE,
  priority: 0,
  concurrencyKey: null,
  expiresAt: null,
  retryOf: null,
  origin: null,
  name: null,
  condition: null,
  progress: null,
  artifacts: [],
  chained: [],
};

/** A run that has left the Dispatcher. */
export async function findPastRun(
  deps: Pick<Deps, "d1" | "blobs">,
  workspaceId: string,
  runId: string,
): Promise<Run | null> {
  const row = await findRunRow(deps.d1, workspaceId, runId);
  if (row === null) {
    return null;
  }
  const summary = JSON.parse(row.summary) as RunSummary;
  const { inBlob = false, ...detail } = JSON.parse(row.detail) as RunDetail & { inBlob?: boolean };
  if (!inBlob) {
    return { ...beforeQueues, ...summary, ...detail };
  }
  const blob = await deps.blobs.get(detailKey(workspaceId, runId));
  const whole = blob === null ? detail : (JSON.parse(new TextDecoder().decode(await readAll(blob))) as RunDetail);
  return { ...beforeQueues, ...summary, ...whole };
}

export function rowFilter(filter: RunFilter): Omit<RunRowFilter, "after" | "limit" | "deadLetter" | "parentRunId"> {
  const at = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));
  const { state, eventId, runnerId, trigger, label, q } = filter;
  return { state, eventId, runnerId, trigger, label, q, from: at(filter.from), to: at(filter.to) };
}

/** Newest first. */
export async function listRuns(
  deps: Deps,
  actor: Actor,
  query: RunListQuery,
): Promise<{ readonly items: RunSummary[]; readonly nextCursor: string | null }> {
  const rows = await listRunRows(deps.d1, actor.workspaceId, {
    ...rowFilter(query),
    deadLetter: query.deadLetter === "true",
    parentRunId: query.parentRunId,
    after: readCursor(query.cursor),
    limit: query.limit + 1,
  });
  const page = pageFrom(rows, query.limit, (row) => ({ at: Date.parse(row.queuedAt), id: row.id }));
  return { items: [...page.items], nextCursor: page.nextCursor };
}

/** Throws `not_final` while it has not ended, and `not_found` when what it ran is not kept any more. */
export async function retryRun(
  deps: Deps,
  act: Act,
  runId: string,
  { input, ...options }: RetryRun,
  cause: Cause,
): Promise<Accepted> {
  const run = await getRun(deps, act.actor, runId);
  if (!isTerminal(run.state)) {
    throw new AppError("not_final", `The run has not ended yet: it is ${run.state}.`);
  }
  const { id, eventId, eventVersion, eventName, queue, priority } = run;
  const target = { kind: "retry", run: { id, eventId, eventVersion, eventName, queue, priority } } as const;
  const asked = { input: input === undefined ? run.input : input, options, by: stampOf(act) };
  return triggerRun(deps, act.actor, target, asked, cause);
}

/** Throws `not_queued` when it has started, or ended, already. */
export async function updateRun(deps: Deps, act: Act, runId: string, change: UpdateRun): Promise<Run> {
  const dispatcher = await dispatcherOfRun(deps, act.actor.workspaceId, runId);
  const outcome = await dispatcher.updateRun({ runId, change, by: stampOf(act) });
  if (outcome.ok || outcome.code !== "not_found") {
    return unwrap(outcome);
  }
  const { state } = await getRun(deps, act.actor, runId);
  throw new AppError("not_queued", `The run does not wait in the queue any more: it is ${state}.`);
}

export async function cancelRun(
  deps: Deps,
  act: Act,
  runId: string,
): Promise<{ readonly runId: string; readonly state: RunState }> {
  const dispatcher = await dispatcherOfRun(deps, act.actor.workspaceId, runId);
  const outcome = await dispatcher.cancelRun({ runId, by: stampOf(act) });
  if (outcome.ok || outcome.code !== "not_found") {
    return unwrap(outcome);
  }
  const { state } = await getRun(deps, act.actor, runId);
  if (state === "cancelled") {
    return { runId, state };
  }
  throw new AppError("already_final", `The run has ended already: ${state}.`);
}

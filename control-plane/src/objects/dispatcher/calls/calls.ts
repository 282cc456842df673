/**
 * The calls of jobs: who may ask, once for each key, and only then what it does.
 *
 * Everything is decided in one turn, except that a write of a variable first waits until nobody uses its old value any
 * more (`readers.ts`), and that a shard asks home for what is home's. After such a wait the turn checks anew whether the
 * attempt is still held, so that one which was lost meanwhile changes nothing.
 */
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { CallOp, RunnerMessage, ServerMessage } from "@cronium/protocol";
import { type CallAnswer, type HomeCall, isHomes, writtenBy } from "../../../domain/calls.ts";
import { type Holder, type RunState, whyNotHolder } from "../../../domain/run-step.ts";
import type { GroupCommit } from "../group-commit.ts";
import { readState } from "../run-rows.ts";
import type { Shell, Turn } from "../shell.ts";
import { digestOf, keepAnswer, passFence, readKept } from "./kept-answers.ts";
import { listArtifacts, openArtifact, putArtifact } from "./artifacts.ts";
import { runAction } from "./actions.ts";
import { freeLock, renewLock, takeLock } from "./locks.ts";
import { takeNote } from "./notes.ts";
import { beginWrite } from "./readers.ts";
import { deleteForRun, getForRun, listForRun, setForRun } from "./run-variables.ts";

export type CallFrame = Extract<RunnerMessage, { type: "call" }>;

/** What was found out before the turn: an answer of home's, or a write that may now be decided. */
export interface Before {
  readonly answer?: CallAnswer;
  readonly end?: () => void;
}

/**
 * Does what has to be waited for, then hands the frame on. Without anything to wait for it does so before it returns.
 * Nothing waits for the promise: a polling runner could not say `uncached` while its request is held.
 */
export function prepareCall(shell: Shell, by: Holder, message: CallFrame, decideLater: (before: Before) => void): void {
  const { op } = message;
  if (shell.shard !== HOME_SHARD && isHomes(op)) {
    void askHome(shell, by, message).then((answer) => decideLater({ answer }));
    return;
  }
  const name = writtenBy(op);
  if (name === null) {
    decideLater({});
    return;
  }
  const { clear, end } = beginWrite(shell, name);
  if (clear === null) {
    decideLater({ end });
  } else {
    void clear.then(() => decideLater({ end }));
  }
}

async function askHome(shell: Shell, by: Holder, { runId, attempt, key, op }: CallFrame): Promise<CallAnswer> {
  const state = readState(shell, runId, attempt);
  const refusal = refusalOf(state, by);
  if (state === null || refusal !== null) {
    return { error: refusal ?? STALE };
  }
  shell.callers.add(`${runId}:${attempt}`);
  try {
    const home = shell.deps.dispatcherFor(shell.workspaceId);
    return await home.callHome({ runId, attempt, eventId: state.run.eventId, ...by, key, op });
  } catch (error) {
    shell.deps.log.warn("call.not_asked", { workspaceId: shell.workspaceId, runId, error: String(error) });
    const message = "The workspace's own Dispatcher could not be asked. Repeating the call is safe.";
    return { error: { code: "not_available", message, retryAfterMs: 1_000 } };
  }
}

/** Home's side, for a run of a shard. */
export async function callHome(shell: Shell, group: GroupCommit, call: HomeCall): Promise<CallAnswer> {
  const name = writtenBy(call.op);
  const write = name === null ? null : beginWrite(shell, name);
  try {
    if (write !== null && write.clear !== null) {
      await write.clear;
    }
    return await group.call((turn) =>
      passFence(shell, call, turn.now) ? perform(shell, turn, call) : { error: STALE },
    );
  } finally {
    write?.end();
  }
}

/** The frame's answer; `stale` when the runner is to stop that container. */
export function decideCall(
  shell: Shell,
  turn: Turn,
  by: Holder,
  { message, before }: { readonly message: CallFrame; readonly before: Before },
): { readonly answer: Extract<ServerMessage, { type: "answer" }>; readonly stale: boolean } {
  const { id, runId, attempt, key, op } = message;
  const state = readState(shell, runId, attempt);
  const refusal = refusalOf(state, by);
  if (state === null || refusal !== null) {
    const error = refusal ?? STALE;
    return { answer: { type: "answer", id, error }, stale: error.code !== "attempt_not_active" };
  }
  const call: HomeCall = { runId, attempt, eventId: state.run.eventId, ...by, key, op };
  const answer = before.answer ?? ofRun(shell, turn, state, op) ?? perform(shell, turn, call);
  return { answer: { type: "answer", id, ...answer }, stale: false };
}

const STALE = { code: "stale_attempt", message: "This attempt has ended, or another has taken its place." } as const;

function refusalOf(state: RunState | null, by: Holder): NonNullable<CallAnswer["error"]> | null {
  const why = state === null ? "stale_attempt" : whyNotHolder(state, by);
  if (why !== null) {
    return { ...STALE, code: why };
  }
  const isActive = state?.attempt?.state === "accepted" || state?.attempt?.state === "running";
  return isActive ? null : { code: "attempt_not_active", message: "The script of this attempt has ended." };
}

/** What is kept with the run itself; null for anything else. Repeating it changes nothing more. */
function ofRun(shell: Shell, turn: Turn, state: RunState, op: CallOp): CallAnswer | null {
  const { run } = state;
  switch (op.do) {
    case "note":
      return takeNote(shell, turn, state, op);
    case "artifact.put":
      return putArtifact(shell, turn, state, op);
    case "artifact.list":
      return listArtifacts(shell, run.id);
    case "artifact.get":
      return openArtifact(shell, turn, run.id, op);
    default:
      return null;
  }
}

/** Of one key once; what may turn out otherwise a moment later is decided anew. */
function perform(shell: Shell, turn: Turn, call: HomeCall): CallAnswer {
  if (!isKept(call.op)) {
    return carryOut(shell, turn, call);
  }
  const digest = digestOf(call.op);
  const kept = readKept(shell, call, call.key, digest);
  if (kept !== undefined) {
    return kept;
  }
  const answer = carryOut(shell, turn, call);
  if (!PASSING.has(answer.error?.code ?? "")) {
    shell.callers.add(`${call.runId}:${call.attempt}`);
    keepAnswer(shell, call, { key: call.key, digest, answer: uncached(answer), now: turn.now });
  }
  return answer;
}

/** Errors that say nothing about the next try. */
const PASSING: ReadonlySet<string> = new Set(["locked", "quota_exceeded", "not_available", "rate_limited"]);

function isKept(op: CallOp): boolean {
  return op.do === "variable.set" || op.do === "variable.delete" || op.do === "lock.take" || op.do === "action";
}

/** A repeat gives no right to keep the value: there may be a newer one by then. */
function uncached(answer: CallAnswer): CallAnswer {
  const { result } = answer;
  return typeof result === "object" && result !== null && "cacheMs" in result
    ? { result: { ...result, cacheMs: 0 } }
    : answer;
}

function carryOut(shell: Shell, turn: Turn, call: HomeCall): CallAnswer {
  const { op } = call;
  switch (op.do) {
    case "variable.get":
      return getForRun(shell, turn, call, op);
    case "variable.list":
      return listForRun(shell, call, op);
    case "variable.set":
      return setForRun(shell, turn, call, op);
    case "variable.delete":
      return deleteForRun(shell, turn, call, op);
    case "lock.take":
      return takeLock(shell, turn, call, op);
    case "lock.renew":
      return renewLock(shell, turn, call, op);
    case "lock.free":
      return freeLock(shell, call, op);
    case "action":
      return runAction(op);
    case "note":
    case "artifact.put":
    case "artifact.list":
    case "artifact.get":
      throw new Error(`${op.do} is decided where its run is kept`);
    default:
      return op satisfies never;
  }
}

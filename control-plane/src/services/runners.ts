/** Runners: listed by their Dispatcher, and led to it when they connect. */
import {
  base64url,
  type DrainRunner,
  type PauseRunner,
  type PollAnswer,
  type PollRequest,
  type Runner,
  type RunnerDetail,
} from "@cronium/protocol";
import { AppError, echo } from "@cronium/protocol/errors";
import { HOME_SHARD, isId, MAX_SHARD } from "@cronium/protocol/ids";
import { closeCodes } from "@cronium/protocol/runner";
import { negotiate, oldestAccepted, PROTOCOL_VERSION } from "@cronium/protocol/version";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { mergeRunners } from "../domain/merged-runners.ts";
import { findRunnerCredential, revokeCredentialStatement, type RunnerCredential } from "../store/runner-credentials.ts";
import { commitAct } from "./account-audit.ts";
import { askAll, hasShard } from "./dispatchers.ts";
import { unwrap } from "./outcome.ts";
import { readPollToken, signPollToken, type PollSession } from "./poll-tokens.ts";

export async function listRunners(
  deps: Deps,
  actor: Actor,
): Promise<{ readonly items: Runner[]; readonly nextCursor: null }> {
  // The fleet of a workspace fits one answer, and only its Dispatcher knows who is there at this moment.
  const answers = await askAll(deps, actor.workspaceId, (dispatcher) => dispatcher.listRunners());
  return { items: mergeRunners(answers), nextCursor: null };
}

/**
 * Takes a runner out for good. Its key first, so that it cannot connect again when its Dispatcher closes its sockets. May
 * be repeated. Throws `not_found` for an unknown runner and for one of another workspace alike.
 */
export async function revokeRunner(deps: Deps, act: Act, runnerId: string): Promise<void> {
  const { workspaceId } = act.actor;
  const credential = await findRunnerCredential(deps.db, runnerId);
  if (credential?.workspaceId !== workspaceId) {
    throw new AppError("not_found", `There is no runner ${runnerId}.`);
  }
  if (credential.revokedAt === null) {
    const deed = { verb: "runner.revoked", target: runnerId, before: { name: credential.name } };
    const statement = revokeCredentialStatement(deps.d1, { workspaceId, runnerId, now: deps.clock.now() });
    await commitAct(deps, act, deed, [statement]);
  }
  unwrap(await deps.dispatcherFor(workspaceId).revokeRunner(runnerId));
}

/** Ends a runner's quarantine; without one nothing changes. Throws `not_found` or `runner_revoked`. */
export async function releaseRunner(deps: Deps, act: Act, runnerId: string): Promise<Runner> {
  const by = stampOf(act);
  const [home, ...shards] = await askAll(deps, act.actor.workspaceId, (dispatcher) =>
    dispatcher.releaseRunner({ runnerId, by }),
  );
  const inShards = shards.map((outcome) => (outcome.ok ? [outcome.value] : []));
  const [runner = unwrap(home)] = mergeRunners([[unwrap(home)], ...inShards]);
  return runner;
}

/**
 * With what its machine says at this moment, for which it waits a second at most. Throws `not_found`.
 */
export async function inspectRunner(deps: Deps, actor: Actor, runnerId: string): Promise<RunnerDetail> {
  const [first, ...others] = await askAll(deps, actor.workspaceId, (dispatcher) => dispatcher.inspectRunner(runnerId));
  const home = unwrap(first);
  const shards = others.flatMap((outcome) => (outcome.ok ? [outcome.value] : []));
  const [merged = home] = mergeRunners([[home], ...shards.map((shard) => [shard])]);
  const jobs = [home, ...shards].flatMap((detail) => detail.jobs);
  return { ...home, ...merged, jobs: jobs.toSorted(oldestFirst).slice(0, SHOWN_JOBS) };
}

const SHOWN_JOBS = 100;

/** Those that have not started come last. */
function oldestFirst(a: RunnerDetail["jobs"][number], b: RunnerDetail["jobs"][number]): number {
  return (a.startedAt ?? "~") < (b.startedAt ?? "~") ? -1 : 1;
}

/** Keeps a runner from new work until it is resumed, or for so long. Throws `not_found` or `runner_revoked`. */
export async function pauseRunner(
  deps: Deps,
  act: Act,
  runnerId: string,
  { note, forSeconds }: PauseRunner,
): Promise<Runner> {
  const pause = { note, forMs: forSeconds === undefined ? null : forSeconds * 1_000 };
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).setRunnerPause({ runnerId, pause, by: stampOf(act) }));
}

/** Ends a pause of the control plane; without one nothing changes. Throws `not_found` or `runner_revoked`. */
export async function resumeRunner(deps: Deps, act: Act, runnerId: string): Promise<Runner> {
  const command = { runnerId, pause: null, by: stampOf(act) };
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).setRunnerPause(command));
}

/** Lets a runner finish what it has and end. Throws `not_found`, `runner_revoked` or `runner_offline`. */
export async function drainRunner(deps: Deps, act: Act, runnerId: string, { note }: DrainRunner): Promise<Runner> {
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).drainRunner({ runnerId, note, by: stampOf(act) }));
}

/**
 * Leads a runner's control socket to the Dispatcher of its workspace. The runner proves who it is inside the socket;
 * here it only says so. Throws `invalid_id`, `upgrade_required`, `unauthorized` or `runner_revoked` before the upgrade.
 */
export async function connectRunner(
  deps: Deps,
  claim: { readonly runnerId: string; readonly protocol: string; readonly shard: number },
): Promise<Response> {
  const credential = await findClaimed(deps, claim);
  await introduce(deps, credential.workspaceId, claim);
  return deps
    .dispatcherFor(credential.workspaceId, claim.shard)
    .fetch(`http://dispatcher/runner?${new URLSearchParams({ runnerId: claim.runnerId }).toString()}`, {
      headers: { upgrade: "websocket", "x-cronium-public-key": credential.publicKey },
    });
}

/**
 * One request of a polling session. A session is opened by naming the runner, as a socket is, and proves itself inside;
 * its token then names the workspace and cannot be made elsewhere. Throws like `connectRunner`, and `runner_revoked`
 * also for a session whose runner was revoked.
 */
export async function pollRunner(deps: Deps, request: PollRequest): Promise<PollAnswer> {
  const { runnerId, session: token, shard: _, ...rest } = request;
  const opened = token === null ? await openSession(deps, request) : readPollToken(deps.config.logTokenKey, token);
  if (opened === null || opened.runnerId !== runnerId) {
    const close = { code: closeCodes.sessionGone, reason: "The session is not known here. Open another." };
    return { session: "", ack: 0, from: 1, frames: [], close };
  }
  const { workspaceId, session, publicKey } = opened;
  const answer = await deps
    .dispatcherFor(workspaceId, shardOfSession(session))
    .poll({ ...rest, runnerId, session, publicKey });
  if (answer.close?.code === closeCodes.revoked) {
    throw new AppError("runner_revoked", "This runner was revoked.");
  }
  return { ...answer, session: token ?? signPollToken(deps.config.logTokenKey, opened) };
}

async function openSession(deps: Deps, claim: PollRequest): Promise<PollSession & { readonly publicKey: string }> {
  const { workspaceId, publicKey } = await findClaimed(deps, { ...claim, protocol: String(claim.protocol) });
  const { runnerId, shard = HOME_SHARD } = claim;
  await introduce(deps, workspaceId, { runnerId, shard });
  // The session names its shard, so that every request of it finds the same Dispatcher.
  const session = `${String(shard).padStart(2, "0")}${base64url(deps.ids.random(18))}`;
  return { workspaceId, runnerId, session, publicKey };
}

/** Of a session that was opened here, which its token proves. */
function shardOfSession(session: string): number {
  const shard = Number(session.slice(0, 2));
  return Number.isInteger(shard) && shard <= MAX_SHARD ? shard : HOME_SHARD;
}

async function findClaimed(
  deps: Deps,
  claim: { readonly runnerId: string; readonly protocol: string },
): Promise<RunnerCredential> {
  if (!isId("runner", claim.runnerId)) {
    throw new AppError("invalid_id", `${echo(claim.runnerId)} is not the id of a runner.`);
  }
  if (!/^\d{1,6}$/.test(claim.protocol)) {
    throw new AppError(
      "upgrade_required",
      `The runner named the protocol ${echo(claim.protocol)}; this control plane speaks ${PROTOCOL_VERSION} (accepting ${oldestAccepted()} to ${PROTOCOL_VERSION}).`,
    );
  }
  const negotiated = negotiate(Number(claim.protocol), deps.config.protocol);
  if (!negotiated.ok) {
    throw new AppError("upgrade_required", negotiated.message);
  }
  const credential = await findRunnerCredential(deps.db, claim.runnerId);
  if (credential === undefined) {
    throw new AppError("unauthorized", "This runner is not registered here. Register the machine again.");
  }
  if (credential.revokedAt !== null) {
    throw new AppError("runner_revoked", "This runner was revoked.");
  }
  return credential;
}

/** A shard knows of the runners what it is told: who connects is named to it first. Throws `not_found`. */
async function introduce(
  deps: Deps,
  workspaceId: string,
  { runnerId, shard }: { readonly runnerId: string; readonly shard: number },
): Promise<void> {
  if (shard === HOME_SHARD) {
    return;
  }
  const home = deps.dispatcherFor(workspaceId);
  const [known, runner] = await Promise.all([hasShard(deps, workspaceId, shard), home.runnerFacts(runnerId)]);
  if (!known || runner === null) {
    throw new AppError("not_found", `There is no shard ${shard} for this runner.`);
  }
  await deps.dispatcherFor(workspaceId, shard).learn({ runners: [runner] });
}

/** The workspace's live socket. */
export async function watchWorkspace(deps: Deps, actor: Actor): Promise<Response> {
  return deps.dispatcherFor(actor.workspaceId).fetch("http://dispatcher/live", { headers: { upgrade: "websocket" } });
}

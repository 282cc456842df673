/**
 * The contract between a runner and the control plane. The runner always connects outward.
 *
 * Registering: `POST /api/v1/runner/register` once, with a registration token and the public half of an Ed25519 key
 * that is made on the host and never leaves it.
 *
 * Connecting: `GET /api/v1/runner/connect?runnerId=…&protocol=…` as a WebSocket.
 *  1. Server: `challenge` with a nonce that is good for this socket only.
 *  2. Runner: `hello`, its signature over `connectMessage(nonce, runnerId, epoch)`, and every attempt it still holds.
 *     From protocol 2 on, which the challenge names, with the key that secrets are sealed to (`sealing.ts`).
 *  3. Server: `welcome` with a verdict for each of those attempts, or `error` and close 4401 (signature), 4403 (revoked),
 *     4426 (protocol). An older socket of the same runner is closed with 4409. A challenge that is not answered within
 *     15 s is closed with 4408, and dialling again is right.
 *
 * Working: the server sends `jobs`; the runner answers each with `accept` or `decline` within 10 s. An accepted job is
 * `granted` (or `refused`), and only then may its container start: the grant counts as the first renewal. Secrets travel
 * with the grant and at no other time, sealed to this runner for this attempt; asked again, the answer is the same. Then
 * `started` → `exited` (result, durable before it is acknowledged) → `done` (log drained). `exited` and `done` are kept
 * in the runner's journal and repeated after each reconnect until the matching `ack` arrives, so every one of them may
 * arrive more than once and the answer is always the same. Everything names (runId, attempt); the server checks that the
 * attempt is the current one and that this runner and epoch hold its lease, and answers anything else with `stale`,
 * which changes nothing and tells the runner to stop that container.
 *
 * Leases: the runner sends the text `ping` every `renewMs`; the runtime answers `pong` without waking the object, and
 * each pong renews all leases of that (runner, epoch) for `leaseMs`, counted by the runner from when it sent the ping.
 * Only durations travel, never times that anything is decided by. At 80 % of a lease without a pong the runner stops its containers.
 *
 * After `cancel` the runner stops the container (SIGTERM, grace, SIGKILL, verified gone) and still sends `exited` and
 * `done`; a result that was first wins. After `drain`, or SIGTERM, it sends `status` with `draining: true`, declines
 * offers in flight, finishes what it holds and says `bye`.
 *
 * An ephemeral runner takes one job. It says `draining` when it has accepted one, and `bye`, of such a runner, takes it out
 * for good; so does the control plane when it has had no connection for a lease. One that comes back with its job behind
 * it and nothing in hand is closed with 4403.
 *
 * What the machine is and how it does travels beside the work, and nothing is decided by it (`machine.ts`): `measure` asks
 * for `metrics`, over the same connection. A runner that a person has paused at its machine says `paused`; one that is
 * paused at the control plane is not told so, it only gets no offers.
 *
 * Jobs ask for variables, locks and so on through `call`, answered by `answer` (`calls.ts`); from protocol 2 on.
 *
 * Where no WebSocket gets through, the same frames travel in a polling session (`poll.ts`).
 *
 * Shards: where queues of the workspace have Dispatchers of their own, its own one names them in `shards`, behind the
 * welcome and whenever there is another. The runner then keeps a control connection to each (`&shard=…`), all with the
 * same epoch; each has its handshake and its leases, and a frame about an attempt goes over that of the run's shard,
 * which its id names. The runner's slots are shared: `status` tells each how many it may fill. A runner that does not
 * know `shards` ignores it and serves the queues without one.
 *
 * Frames are JSON texts except `ping` and `pong`. Unknown fields are refused with `error` and close 1008; unknown types
 * from the server are ignored by the runner, so that a newer control plane may say more.
 */
import * as z from "zod";
import { CallError, CallKey, CallOp } from "./calls.ts";
import { EventDefinition } from "./event.ts";
import { JsonValue } from "./json.ts";
import { Labels } from "./labels.ts";
import { MachineFacts, MachineMetrics } from "./machine.ts";
import { failReasons, triggers, type FailReason } from "./run-states.ts";
import { notReadyReasons, type NotReadyReason } from "./runner-states.ts";
import { RunnerPlatform } from "./runner-view.ts";
import { SealingKey } from "./sealing.ts";

const keys = <K extends string>(table: Record<K, unknown>): [K, ...K[]] => Object.keys(table) as [K, ...K[]];

/** Which attempt a frame speaks of. */
export const AttemptRef = z.strictObject({ runId: z.string().max(64), attempt: z.int().min(1) });
export type AttemptRef = z.infer<typeof AttemptRef>;

export const RunnerName = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/, "must be 1 to 64 letters, digits and . _ -");

/** Base64url of a raw 32-byte Ed25519 public key. */
export const PublicKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "must be a raw Ed25519 key in base64url");

export const RegisterRequest = z.strictObject({
  token: z.string().max(1_024),
  name: RunnerName,
  publicKey: PublicKey,
  labels: Labels.default({}),
  version: z.string().max(32),
  protocol: z.int(),
  platform: RunnerPlatform,
  /** Take over the name of an existing runner: it gets this key, the old key dies. */
  replace: z.boolean().default(false),
  /** It takes one job, then leaves for good; a token of the kind `ephemeral` makes any runner so. Sent only when asked for. */
  ephemeral: z.boolean().optional(),
});
export type RegisterRequest = z.infer<typeof RegisterRequest>;

export const RegisterResponse = z.strictObject({
  runnerId: z.string(),
  workspaceId: z.string(),
  name: z.string(),
  labels: Labels,
  /** Only in the answer to a runner that takes one job and leaves for good, because it asked for that or its token says so. */
  ephemeral: z.literal(true).optional(),
});
export type RegisterResponse = z.infer<typeof RegisterResponse>;

/** What `hello.signature` signs: UTF-8 of this text, by the runner's Ed25519 key, in base64url. */
export function connectMessage(nonce: string, runnerId: string, epoch: string): string {
  return `cronium-connect\n${nonce}\n${runnerId}\n${epoch}`;
}

/** What a runner is handed for one attempt. Secrets and tokens are not in it; they follow with the grant. */
export const Job = z.strictObject({
  runId: z.string(),
  attempt: z.int().min(1),
  eventId: z.string().nullable(),
  eventName: z.string(),
  eventVersion: z.int().nullable(),
  workspaceId: z.string(),
  trigger: z.enum(triggers),
  /** Milliseconds since 1970 by the server's clock; only ever shown to the script, never computed with. */
  queuedAt: z.int(),
  definition: EventDefinition,
  input: JsonValue,
});
export type Job = z.infer<typeof Job>;

export const JobResult = z.strictObject({
  outcome: z.enum(["succeeded", "failed", "timed_out", "cancelled"]),
  failReason: z.enum(keys<FailReason>(failReasons)).nullable(),
  /** One sentence for people; null when there is nothing to add. */
  message: z.string().max(1_000).nullable(),
  exitCode: z.int().min(0).max(255).nullable(),
  signal: z.string().max(16).nullable(),
  output: JsonValue,
  /** Milliseconds from the start of the script to its end, by the runner's monotonic clock; null if it never started. */
  durationMs: z.int().min(0).nullable(),
});
export type JobResult = z.infer<typeof JobResult>;

/** An attempt that the runner still holds when it connects. */
export const HeldAttempt = z.strictObject({
  runId: z.string().max(64),
  attempt: z.int().min(1),
  /** `lost`: its container is gone or was swept, and no result is known. */
  state: z.enum(["accepted", "running", "exited", "lost"]),
});
export type HeldAttempt = z.infer<typeof HeldAttempt>;

/**
 * What the runner's clock says as the frame leaves, in milliseconds since 1970. It is held against the control plane's to
 * warn people, and nothing is ever decided by it. Not sent to a control plane of protocol 1, which refuses it.
 */
const WallClock = z.int().min(0).max(8_640_000_000_000_000);

export const RunnerMessage = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("hello"),
    protocol: z.int(),
    runnerId: z.string().max(64),
    /** One start of the runner process; a reconnect keeps it. */
    epoch: z.string().regex(/^[0-9a-f]{32}$/),
    signature: z.string().max(128),
    version: z.string().max(32),
    platform: RunnerPlatform,
    /** Jobs it runs at the same time. */
    slots: z.int().min(1).max(1_000),
    notReady: z.array(z.enum(keys<NotReadyReason>(notReadyReasons))),
    held: z.array(HeldAttempt).max(2_000),
    /** Without it the runner gets no job that names secrets. */
    sealing: SealingKey.optional(),
    clock: WallClock.optional(),
    /** None of these two is sent to a control plane of protocol 1. */
    paused: z.literal(true).optional(),
    facts: MachineFacts.optional(),
  }),
  z.strictObject({ type: z.literal("accept"), jobs: z.array(AttemptRef).min(1) }),
  z.strictObject({
    type: z.literal("decline"),
    runId: z.string().max(64),
    attempt: z.int().min(1),
    reason: z.enum(["draining", "full", "not_ready", "policy_denied"]),
    message: z.string().max(1_000).nullable(),
  }),
  /** Explicit renewal, for transports without automatic pongs and before a start that was long in coming. */
  z.strictObject({ type: z.literal("renew"), id: z.int(), attempts: z.array(AttemptRef) }),
  z.strictObject({ type: z.literal("started"), runId: z.string().max(64), attempt: z.int().min(1) }),
  z.strictObject({ type: z.literal("exited"), runId: z.string().max(64), attempt: z.int().min(1), result: JobResult }),
  z.strictObject({
    type: z.literal("done"),
    jobs: z
      .array(
        AttemptRef.extend({
          logBytes: z.int().min(0),
          logState: z.enum(["complete", "incomplete", "truncated"]),
        }),
      )
      .min(1),
  }),
  z.strictObject({
    type: z.literal("status"),
    notReady: z.array(z.enum(keys<NotReadyReason>(notReadyReasons))),
    draining: z.boolean(),
    latencyMs: z.number().min(0).nullable(),
    /** Only to a control plane that named shards: slots that this Dispatcher may fill, those it fills now included. */
    slots: z.int().min(0).max(1_000).optional(),
    clock: WallClock.optional(),
    /** A person at the machine has paused it. Not sent to a control plane of protocol 1, which is told that it drains. */
    paused: z.literal(true).optional(),
    /** When they have changed. */
    facts: MachineFacts.optional(),
    metrics: MachineMetrics.optional(),
  }),
  /** The answer to `measure`. */
  z.strictObject({ type: z.literal("metrics"), metrics: MachineMetrics }),
  z.strictObject({
    type: z.literal("bye"),
    /** It takes itself out for good, as a person would who revokes it: its key is refused from then on. */
    leave: z.literal(true).optional(),
  }),
  /** What a job asks for (`calls.ts`). Not sent to a control plane of protocol 1, which refuses it. */
  z.strictObject({
    type: z.literal("call"),
    id: z.int(),
    runId: z.string().max(64),
    attempt: z.int().min(1),
    key: CallKey,
    op: CallOp,
  }),
  /** Nothing of what `uncache` named is used any more. */
  z.strictObject({ type: z.literal("uncached"), id: z.int() }),
]);
export type RunnerMessage = z.infer<typeof RunnerMessage>;

export const ServerMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("challenge"), nonce: z.string(), protocol: z.int() }),
  z.strictObject({
    type: z.literal("welcome"),
    protocol: z.int(),
    leaseMs: z.int(),
    renewMs: z.int(),
    /** Attempts that go on under the new lease. */
    adopt: z.array(AttemptRef),
    /** Attempts that must be stopped, their results and journal entries dropped. */
    kill: z.array(AttemptRef),
  }),
  z.strictObject({ type: z.literal("jobs"), jobs: z.array(Job).min(1) }),
  z.strictObject({
    type: z.literal("granted"),
    grants: z
      .array(
        AttemptRef.extend({
          leaseMs: z.int(),
          /** Bearer token of the log socket, for this attempt only. */
          logToken: z.string(),
          /** The secrets that the job names, sealed to this runner (`sealing.ts`); absent without any. */
          secrets: z.string().optional(),
          /** Variables by name; absent without any, and for runners that speak protocol 1. */
          variables: z.record(z.string(), JsonValue).optional(),
        }),
      )
      .min(1),
  }),
  z.strictObject({
    type: z.literal("refused"),
    runId: z.string(),
    attempt: z.int(),
    code: z.enum(["stale_attempt", "not_lease_holder", "already_final"]),
  }),
  z.strictObject({ type: z.literal("renewed"), id: z.int(), leaseMs: z.int(), stale: z.array(AttemptRef) }),
  z.strictObject({
    type: z.literal("cancel"),
    runId: z.string(),
    attempt: z.int(),
    reason: z.enum(["user", "superseded", "shutdown", "timeout"]),
    graceMs: z.int(),
  }),
  z.strictObject({ type: z.literal("ack"), of: z.enum(["exited", "done"]), jobs: z.array(AttemptRef).min(1) }),
  z.strictObject({ type: z.literal("stale"), runId: z.string(), attempt: z.int() }),
  z.strictObject({ type: z.literal("drain") }),
  /** Somebody looks at the machine: say `metrics`. Only to runners of protocol 2 and newer; to older ones it is unknown. */
  z.strictObject({ type: z.literal("measure") }),
  z.strictObject({ type: z.literal("shards"), shards: z.array(z.int().min(1).max(31)).max(31) }),
  /** To the `call` of this id: one of the two. */
  z.strictObject({
    type: z.literal("answer"),
    id: z.int(),
    result: JsonValue.optional(),
    error: CallError.optional(),
  }),
  /** Forget what is cached of these variables, and say `uncached`. */
  z.strictObject({ type: z.literal("uncache"), id: z.int(), names: z.array(z.string()).min(1) }),
  z.strictObject({ type: z.literal("error"), code: z.string(), message: z.string() }),
]);
export type ServerMessage = z.infer<typeof ServerMessage>;

/** Close codes of the control socket. */
export const closeCodes = {
  unauthenticated: 4401,
  revoked: 4403,
  /** The challenge was not answered in time: a slow network, not a wrong key. The runner dials again. */
  handshakeTimeout: 4408,
  replaced: 4409,
  /** A polling session that is not known (any more). The runner opens another. */
  sessionGone: 4410,
  upgradeRequired: 4426,
} as const;

/**
 * The runtime API: what a job's container says to the sidecar over `unix:///run/cronium/api.sock`, HTTP/1.1 and JSON.
 *
 * Two callers. The **bootstrap** (first process of the container, part of the image) asks once for the job and reports
 * the exit; it needs no token, because only its own container can reach this socket and the job is handed out once:
 *   `GET /v1/job`               waits until a job is bound to this slot, then answers `BootstrapJob`
 *   `GET /v1/job?format=shell`  the same as text for a POSIX shell: one `export NAME='value'` line per variable, then
 *                               `CRONIUM_SCRIPT='…'` with the script, every value in single quotes
 *   `GET /v1/job?ended=0`       in a container that serves several runs of one event: the script ended with 0, nothing
 *                               of it is left, and the next job may come. Waits for it as above; safe to repeat
 *   `POST /v1/job/exit`         `{"code": 0..255}`: a hint that comes before Docker's own word, which stays the authority
 *
 * The **script**, through an SDK, with `Authorization: Bearer $CRONIUM_TOKEN` and `{id}` = `$CRONIUM_RUN_ID`:
 *   `GET  /v1/executions/{id}/input`    200, the input itself as JSON (`null` when there is none)
 *   `POST /v1/executions/{id}/output`   any JSON value up to 1 MiB; 204; may repeat, the last one counts
 *   `GET  /v1/executions/{id}/context`  200, `RunContext`
 *   `GET  /v1/executions/{id}/secrets/{name}`    200, the value as a JSON string; 422 `secret_not_found` when the event
 *                                                does not name it
 *                                                With `?format=text`: the value as it is
 *   `GET    …/variables/{key}`          200, the value as JSON, its version in the header `cronium-version`; 404
 *                                       `not_found`. With `?format=text`: a string as it is, other values as JSON
 *   `GET    …/variables?prefix=&cursor=`  200, `{items: [{name, version, value}], nextCursor}`; with `?format=text` the
 *                                       names alone, one on a line, and the header `cronium-next-cursor`
 *   `PUT    …/variables/{key}?scope=`   `SetVariableBody` -> 200 `{version}`; 412 `version_conflict`, 413, 422
 *   `DELETE …/variables/{key}?ifVersion=&scope=`  204, also when there is none
 *   `POST   …/locks/{key}`              `TakeLockBody` -> 200 `{lockId, ttlMs, fence}`; 409 `locked` with Retry-After
 *   `PUT    …/locks/{key}`              `RenewLockBody` -> 200 `{lockId, ttlMs, fence}`; 409 `lock_lost`
 *   `DELETE …/locks/{key}?lockId=`      204, also when it was lost
 *   `POST   …/condition`                `ConditionBody` -> 204; shown on the run, the last one counts
 *   `POST   …/progress`                 `ProgressBody` -> 204; shown on the run, sent on at most four times a second
 *   `POST   …/name`                     `RunNameBody` -> 204
 *   `POST   …/tool-actions/{action}`    `ToolActionBody` -> 200 `{result}`; 404 `unknown_action`
 *   `POST   …/artifacts?name=`          the bytes; header `cronium-sha256` optional -> 201 `{name, bytes, sha256}`;
 *                                       413 `artifact_too_large`, 409 `artifact_exists`, 422 `checksum_mismatch`
 *   `GET    …/artifacts`                200, `{items}`
 *   `GET    …/artifacts/{name}`         200, the bytes; header `cronium-sha256`
 *   `POST   …/token`                    200, `{token, expiresInMs}`: a fresh one; the old stays good until its `exp`
 *   `GET    /metrics`                   counters as Prometheus text, without a token
 *   `GET    /health`                    200 `{"status":"ok"}`, without a token
 *
 * Errors are `application/problem+json` (`Problem`): 401 `invalid_token`, 403 `attempt_not_active` (ended, or another
 * run's), 400 `invalid_json`, 413 `output_too_large`, 404 `not_found`, 405 `method_not_allowed`, 429 `rate_limited` with
 * Retry-After, 503 `not_available` while the control plane cannot be reached. Every call may be repeated safely: a write
 * that carries an `Idempotency-Key` (1 to 255 printable ASCII characters) takes effect once, and its repeats are answered
 * as the first was; the key with another body is 422 `idempotency_mismatch`. A sidecar that restarts comes back under the
 * same path within a second, so SDKs retry a refused connection for 5 s before they give up.
 *
 * Variables, locks, condition, name and tool actions are decided by the control plane (`calls.ts`) and durable there
 * before they are answered. Reads of variables may come from the sidecar's cache, and are never older than the last
 * write that anybody was told of.
 *
 * The token is a JWT (HS256, key known to runner and sidecar only): `typ` "cronium-execution+jwt", `aud`
 * "cronium-runtime", `sub` "<runId>:<attempt>", `jti`, `exp` at most 1 h ahead of `iat`.
 */
import * as z from "zod";
import { runtimes } from "./event.ts";
import { JsonValue } from "./json.ts";
import {
  CallError,
  CallKey,
  CallOp,
  LockId,
  MAX_LOCK_TTL_MS,
  MAX_LOCK_WAIT_MS,
  MIN_LOCK_TTL_MS,
  ProgressMessage,
  RunName,
} from "./calls.ts";
import { triggers } from "./run-states.ts";

export const BootstrapJob = z.strictObject({
  runtime: z.enum(runtimes),
  script: z.string(),
  /** The whole environment to add: the user's own names and `CRONIUM_*`, `CI`, `TRACEPARENT`. */
  env: z.record(z.string(), z.string()),
  /** Run it in a fresh interpreter, not in the one that waited. */
  isolated: z.literal(true).optional(),
  /**
   * Run it as a child, and take another job when it has ended with 0 and nothing of it is left. Between the jobs, when
   * all of its output is written, both streams get the line `\0cronium ended <reuse>`. Letters and digits.
   */
  reuse: z.string().optional(),
});
export type BootstrapJob = z.infer<typeof BootstrapJob>;

export const ExitReport = z.strictObject({ code: z.int().min(0).max(255) });

/** What `context()` returns in every SDK. */
export const RunContext = z.strictObject({
  runId: z.string(),
  attempt: z.int(),
  eventId: z.string().nullable(),
  eventName: z.string(),
  eventVersion: z.int().nullable(),
  workspaceId: z.string(),
  trigger: z.enum(triggers),
  runnerName: z.string(),
  /** ISO 8601 in UTC. */
  queuedAt: z.string(),
  startedAt: z.string(),
  timeoutMs: z.int(),
  memoryMb: z.int(),
});
export type RunContext = z.infer<typeof RunContext>;

const LOCK_TTL_MS = 30_000;
const LockTtl = z.int().min(MIN_LOCK_TTL_MS).max(MAX_LOCK_TTL_MS);

/** `ifVersion` refuses the write unless the variable is at this version; 0: unless there is none. */
export const SetVariableBody = z.strictObject({ value: JsonValue, ifVersion: z.int().min(0).optional() });
export type SetVariableBody = z.infer<typeof SetVariableBody>;

/** `waitMs`: how long to wait for somebody else to let go of it. */
export const TakeLockBody = z.strictObject({
  ttlMs: LockTtl.default(LOCK_TTL_MS),
  waitMs: z.int().min(0).max(MAX_LOCK_WAIT_MS).default(0),
});
export const RenewLockBody = z.strictObject({ lockId: LockId, ttlMs: LockTtl.default(LOCK_TTL_MS) });
export const ConditionBody = z.strictObject({ value: z.boolean() });
export const ProgressBody = z.strictObject({
  /** 0 to 1; null where it cannot be told. */
  fraction: z.number().min(0).max(1).nullable().default(null),
  message: ProgressMessage.nullable().default(null),
});
export const RunNameBody = z.strictObject({ name: RunName });
export const ToolActionBody = z.strictObject({ params: JsonValue.default(null) });

/** Environment that every script gets besides its own. */
export const runtimeEnvNames = [
  "CRONIUM_RUN_ID",
  "CRONIUM_EVENT",
  "CRONIUM_ATTEMPT",
  "CRONIUM_API",
  "CRONIUM_TOKEN",
  "TRACEPARENT",
  "CI",
] as const;

/**
 * Runner to sidecar, over the IPC channel of the child process. The sidecar keeps nothing on disk: after a restart the
 * runner sends `configure` and one `bind` per live job again.
 */
export const SidecarCommand = z.discriminatedUnion("type", [
  /** `key`: base64url of 32 random bytes, made at runner start. `socketDir`: folder of all per-slot folders. */
  z.strictObject({
    type: z.literal("configure"),
    key: z.string(),
    socketDir: z.string(),
    /** Address of the control plane, for artifacts; without it there are none. */
    planeUrl: z.string().nullable().optional(),
  }),
  /** Open `<socketDir>/<slot>/api.sock`. Answered by `opened`. */
  z.strictObject({ type: z.literal("open"), slot: z.string() }),
  /** Hand this job to the slot; from now on its token is good. */
  z.strictObject({
    type: z.literal("bind"),
    slot: z.string(),
    attempt: z.int(),
    job: BootstrapJob,
    input: JsonValue,
    /** Values by name, in the clear: the channel is a pipe between two processes of this machine. */
    secrets: z.record(z.string(), z.string()).default({}),
    variables: z.record(z.string(), JsonValue).default({}),
    context: RunContext,
    /** The hosts that it may reach through the proxy on `proxy.sock`; without, there is no proxy. */
    egress: z
      .strictObject({
        hosts: z.array(z.string()),
        /** Of the local policy: both must allow a host; null: it names none. */
        also: z.array(z.string()).nullable(),
        privateRanges: z.array(z.string()),
        kbps: z.int().nullable(),
      })
      .optional(),
    /** Whether the bootstrap already fetched the job (after a sidecar restart). */
    handedOut: z.boolean(),
    output: JsonValue.optional(),
    /** Whether `call` events are answered. Without, variables are those of this message and nothing can be written. */
    calls: z.boolean().optional(),
  }),
  /** Forget what is cached of these variables, or of all of them (null). Answered by `uncached`. */
  z.strictObject({ type: z.literal("uncache"), id: z.int(), names: z.array(z.string()).nullable() }),
  /** End of the job: its token dies, the socket is closed and removed. Answered by `closed`. */
  z.strictObject({ type: z.literal("close"), slot: z.string() }),
]);
export type SidecarCommand = z.infer<typeof SidecarCommand>;

/** Sidecar to runner. `output` is answered to the script only after the runner has journalled it (`stored`). */
export const SidecarEvent = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready") }),
  z.strictObject({ type: z.literal("opened"), slot: z.string() }),
  z.strictObject({ type: z.literal("closed"), slot: z.string() }),
  z.strictObject({ type: z.literal("handed_out"), slot: z.string() }),
  z.strictObject({ type: z.literal("exit"), slot: z.string(), code: z.int() }),
  /** The job has ended with 0, its token is dead, and the bootstrap waits for another. */
  z.strictObject({ type: z.literal("free"), slot: z.string() }),
  z.strictObject({ type: z.literal("output"), slot: z.string(), id: z.int(), value: JsonValue }),
  /** Made for the job, which gets it once it is hidden in its log: answered by `stored`. */
  z.strictObject({ type: z.literal("token"), slot: z.string(), id: z.int(), token: z.string().min(1) }),
  /** To the control plane; answered by `answer`. `key` tells a repeat. */
  z.strictObject({ type: z.literal("call"), slot: z.string(), id: z.int(), key: CallKey, op: CallOp }),
  z.strictObject({ type: z.literal("uncached"), id: z.int() }),
  /** One line about a connection of the job, for the log of its run. */
  z.strictObject({ type: z.literal("egress"), slot: z.string(), text: z.string() }),
  z.strictObject({ type: z.literal("failed"), slot: z.string().nullable(), message: z.string() }),
]);
export type SidecarEvent = z.infer<typeof SidecarEvent>;

export const SidecarReply = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("stored"), id: z.int(), ok: z.boolean() }),
  /** Of a `call`: one of the two. */
  z.strictObject({
    type: z.literal("answer"),
    id: z.int(),
    result: JsonValue.optional(),
    error: CallError.optional(),
  }),
]);
export type SidecarReply = z.infer<typeof SidecarReply>;

/**
 * What a job asks of the control plane: from its container to the sidecar over HTTP (`runtime.ts`), from there through
 * the runner over the control connection to the Dispatcher of the run, as `call` and `answer` frames (`runner.ts`).
 *
 * Each call names (run, attempt) and travels on a connection of one epoch: the Dispatcher decides it only while that
 * runner and epoch hold that attempt, and answers anything else with `stale_attempt`, without any effect. It is durable
 * before it is answered. The runner repeats what is not answered after each welcome; the same (run, attempt, key) is
 * decided once and answered alike from then on. The last thousand answers of an attempt are kept while it lives.
 *
 * Values travel as texts of JSON, so that what a job nests says nothing about the frame that carries it.
 *
 * Reading: the answer to `variable.get` and `variable.set` says for how long (`cacheMs`, counted from when the call was
 * sent) the value may be kept and used again. Before the control plane changes a variable it sends `uncache` to each
 * runner that may have kept it, and waits for `uncached`, or until what that runner was allowed has run out. So a value
 * that is used again is never older than the last write that anybody was told of. The numbers of `uncache` rise: an
 * answer that was overtaken by one of its variable (`after` is lower) is not kept.
 */
import * as z from "zod";
import { ArtifactName, Sha256, MAX_ARTIFACT_BYTES } from "./artifact.ts";
import { ValueName } from "./env-name.ts";
import { errorCodes } from "./errors.ts";

/** How long a value that was read may be used again, in milliseconds. */
export const CACHE_MS = 10_000;
/** How long a runner waits for an answer before it tells the job that there is none, in milliseconds. */
export const CALL_WITHIN_MS = 25_000;
/** Answers that are kept of an attempt. */
export const KEPT_ANSWERS = 1_000;

export const MIN_LOCK_TTL_MS = 1_000;
export const MAX_LOCK_TTL_MS = 300_000;
export const MAX_LOCK_WAIT_MS = 60_000;

/** Calls of one attempt: so many at once, and so many a second over time. More are answered with 429. */
export const CALL_BURST = 400;
export const CALLS_PER_SECOND = 200;

/** Variables of one page of `variable.list`. */
export const VARIABLE_PAGE = 100;

/** Tells a repeated call: 1 to 255 printable ASCII characters. */
export const CallKey = z.string().regex(/^[\x20-\x7e]{1,255}$/, "must be 1 to 255 printable ASCII characters");

export const LockName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/, "must be 1 to 128 letters, digits and . _ : / -");
export const LockId = z.string().min(1).max(64);
/** Shown in lists: one line without control characters. */
export const RunName = z
  .string()
  .refine((name) => name.trim() !== "" && name.length <= 200 && !/[\p{Cc}\u2028\u2029]/u.test(name), {
    message: "must be 1 to 200 characters without control characters",
    params: { code: "invalid_name" },
  });
export const ProgressMessage = z.string().max(500);

/** Where a variable is written; by default the event's own where there is one of that name, else the workspace's. */
export const writeScopes = ["event", "workspace"] as const;
export type WriteScope = (typeof writeScopes)[number];

/** Registered actions; further ones come with the outside systems that they act on. */
export const toolActions = ["echo"] as const;
export type ToolAction = (typeof toolActions)[number];

/** As a text of JSON: its limits are those of what is read from it, and checked there. */
const JsonText = z.string().max(1_048_576);
const Ttl = z.int().min(MIN_LOCK_TTL_MS).max(MAX_LOCK_TTL_MS);
const Scope = z.enum(writeScopes).optional();
const IfVersion = z.int().min(0).optional();

export const CallOp = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("variable.get"), name: ValueName }),
  z.strictObject({
    do: z.literal("variable.list"),
    prefix: z.string().max(128).default(""),
    /** Names behind this one. */
    after: z.string().max(128).nullable().default(null),
  }),
  z.strictObject({
    do: z.literal("variable.set"),
    name: ValueName,
    value: JsonText,
    ifVersion: IfVersion,
    scope: Scope,
  }),
  z.strictObject({ do: z.literal("variable.delete"), name: ValueName, ifVersion: IfVersion, scope: Scope }),
  z.strictObject({ do: z.literal("lock.take"), name: LockName, ttlMs: Ttl }),
  z.strictObject({ do: z.literal("lock.renew"), name: LockName, lockId: LockId, ttlMs: Ttl }),
  z.strictObject({ do: z.literal("lock.free"), name: LockName, lockId: LockId }),
  /** Of what is given, the newest counts. */
  z.strictObject({
    do: z.literal("note"),
    name: RunName.optional(),
    condition: z.boolean().optional(),
    progress: z
      .strictObject({ fraction: z.number().min(0).max(1).nullable(), message: ProgressMessage.nullable() })
      .optional(),
  }),
  z.strictObject({ do: z.literal("action"), action: z.string().max(128), params: JsonText }),
  /** Answered with a ticket for `PUT /api/v1/runner/artifacts`, or with the artifact when it is there already. */
  z.strictObject({
    do: z.literal("artifact.put"),
    name: ArtifactName,
    bytes: z.int().min(0).max(MAX_ARTIFACT_BYTES),
    contentType: z.string().max(200),
    sha256: Sha256.nullable().default(null),
  }),
  z.strictObject({ do: z.literal("artifact.list") }),
  /** Answered with a ticket for `GET /api/v1/runner/artifacts`. */
  z.strictObject({ do: z.literal("artifact.get"), name: ArtifactName }),
]);
export type CallOp = z.infer<typeof CallOp>;
export type CallOpInput = z.input<typeof CallOp>;

export const CallError = z.strictObject({
  code: z.enum(errorCodes),
  message: z.string(),
  /** When trying again makes sense, in milliseconds. */
  retryAfterMs: z.int().min(0).optional(),
});
export type CallError = z.infer<typeof CallError>;

/** May a value be kept, and which: see `cacheMs`. `after`: number of the last `uncache` that it is newer than. */
const cacheable = { cacheMs: z.int(), after: z.int() };
/** `value` as a text of JSON; null where there is no such variable. */
export const VariableRead = z.object({ value: z.string().nullable(), version: z.int(), ...cacheable });
export type VariableRead = z.infer<typeof VariableRead>;
export const VariableListed = z.object({
  items: z.array(z.object({ name: z.string(), version: z.int(), value: z.string() })),
  /** Null on the last page. */
  next: z.string().nullable(),
});
export type VariableListed = z.infer<typeof VariableListed>;
/** `cacheMs` 0: the job would not read this value under this name. */
export const VariableWritten = z.object({ version: z.int(), ...cacheable });
export type VariableWritten = z.infer<typeof VariableWritten>;
/** `fence` rises with each holder: what it protects can refuse a holder that was overtaken. */
export const LockHeld = z.object({ lockId: z.string(), ttlMs: z.int(), fence: z.int() });
export type LockHeld = z.infer<typeof LockHeld>;
export const ActionDone = z.object({ result: z.string() });
/** `token` is a bearer token for the bytes of this one artifact; null when there is nothing to send. */
export const ArtifactTicket = z.object({
  token: z.string().nullable(),
  artifact: z.object({ name: z.string(), bytes: z.int(), sha256: z.string(), contentType: z.string() }).nullable(),
});
export type ArtifactTicket = z.infer<typeof ArtifactTicket>;

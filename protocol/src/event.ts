/** Events: immutable versions of what is to be run. */
import * as z from "zod";
import { ContainerSettings } from "./container.ts";
import { envNameProblem, ValueName } from "./env-name.ts";
import { type Json, JsonValue } from "./json.ts";
import { Labels } from "./labels.ts";
import { EventQueueing } from "./queueing.ts";
import {
  DEFAULT_MEMORY_MB,
  DEFAULT_TIMEOUT_MS,
  MAX_MEMORY_MB,
  MAX_SCRIPT_BYTES,
  MAX_TIMEOUT_MS,
  MIN_MEMORY_MB,
  MIN_TIMEOUT_MS,
} from "./limits.ts";

export const runtimes = ["python", "node", "bash"] as const;
export type Runtime = (typeof runtimes)[number];

/** A name shown to people: 1 to 200 characters, no control characters, no space at either end. */
export const Name = z
  .string()
  .min(1, "must not be empty")
  .max(200, "must be at most 200 characters")
  .refine((value) => !/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(value), {
    message: "must not hold control characters",
  })
  .refine((value) => value.trim() === value, { message: "must not start or end with a space" })
  .meta({ code: "invalid_name" });

/** Environment for the script: at most 100 names of 1 to 128 characters, values up to 32 KiB without NUL. */
export const Env = z
  .record(z.string(), z.string().max(32_768, "must be at most 32768 characters"))
  .superRefine((env, context) => {
    const names = Object.keys(env);
    if (names.length > 100) {
      context.addIssue({ code: "custom", message: "must hold at most 100 names", params: { code: "out_of_range" } });
    }
    for (const name of names) {
      const problem = envNameProblem(name);
      if (problem !== null) {
        context.addIssue({
          code: "custom",
          path: [name],
          message: problem.message,
          params: { code: problem.code },
        });
      } else if (env[name]?.includes("\0") === true) {
        context.addIssue({
          code: "custom",
          path: [name],
          message: "must not hold a NUL character",
          params: { code: "invalid_value" },
        });
      }
    }
  });

/** Script text: UTF-8, without NUL, 1 byte to 1 MiB. */
export const Script = z
  .string()
  .min(1, "must not be empty")
  .refine((script) => script.trim() !== "", { message: "must not be empty" })
  .refine((script) => !script.includes("\0"), { message: "must not hold a NUL character" })
  .refine((script) => new TextEncoder().encode(script).length <= MAX_SCRIPT_BYTES, {
    message: `must be at most ${MAX_SCRIPT_BYTES} bytes`,
    params: { code: "body_too_large" },
  });

const MOUNT_NAME = /^[a-z0-9]([a-z0-9-]{0,62})$/;
const RESERVED_TARGET = /^\/(?:$|proc|sys|dev|run|etc|usr|bin|sbin|lib|lib64|cronium|node_modules|tmp$|workspace$)/;

/** A folder of the runner's machine, named in its local policy file, and where the script sees it. */
export const Mount = z.strictObject({
  name: z.string().regex(MOUNT_NAME, "must be lower-case letters, digits and hyphens"),
  target: z
    .string()
    .max(200)
    .regex(/^\/[A-Za-z0-9._/-]+$/, "must be an absolute path of letters, digits and . _ / -")
    .refine((path) => !path.split("/").includes("..") && !RESERVED_TARGET.test(path), {
      message: "must not be, or lie in, a folder of the system; use for example /data",
    }),
});
export type Mount = z.infer<typeof Mount>;

/**
 * A JSON Schema, draft 2020-12, that inputs of an event must suit; null takes every input. At most 64 KiB of JSON. Without
 * references to other documents; docs/inputs.md lists what is taken.
 */
export const InputSchema = JsonValue.refine(
  (value) => value === null || (typeof value === "object" && !Array.isArray(value)),
  { message: "must be a JSON Schema, which is an object, or null", params: { code: "invalid_type" } },
) as unknown as z.ZodType<Readonly<Record<string, Json>> | null>;
export type InputSchema = z.infer<typeof InputSchema>;

/** What to do when a runner is lost while it holds the job. */
export const onLostPolicies = ["retry", "fail", "wait"] as const;

const definition = {
  kind: z.literal("script"),
  runtime: z.enum(runtimes),
  script: Script,
  timeoutMs: z.int().min(MIN_TIMEOUT_MS).max(MAX_TIMEOUT_MS),
  memoryMb: z.int().min(MIN_MEMORY_MB).max(MAX_MEMORY_MB),
  labels: Labels,
  env: Env,
  mounts: z.array(Mount).max(16),
  /** Names of the secrets that its script may read; at most 50, none by default. */
  secrets: z.array(ValueName).max(50, "must hold at most 50 names").default([]),
  /** Those of `secrets` that the script also finds in its environment under that name; none by default. */
  secretEnv: z.array(ValueName).max(50, "must hold at most 50 names").default([]),
  /** Retries after the script itself failed; failures of the surroundings have a budget of their own. */
  scriptRetries: z.int().min(0).max(10),
  /** Container starts over all retries. */
  maxAttempts: z.int().min(1).max(20),
  onLost: z.enum(onLostPolicies),
  /** Its container, where that differs from the default; a change replaces all of it. */
  container: ContainerSettings.optional(),
};

/** Everything a run needs to know of its event; immutable once stored as a version. */
export const EventDefinition = z.strictObject(definition);
export type EventDefinition = z.infer<typeof EventDefinition>;

/** The same with defaults filled in, as a person or program sends it. */
export const EventDefinitionInput = z.strictObject({
  ...definition,
  kind: definition.kind.default("script"),
  timeoutMs: definition.timeoutMs.default(DEFAULT_TIMEOUT_MS),
  memoryMb: definition.memoryMb.default(DEFAULT_MEMORY_MB),
  labels: definition.labels.default({}),
  env: definition.env.default({}),
  mounts: definition.mounts.default([]),
  scriptRetries: definition.scriptRetries.default(0),
  maxAttempts: definition.maxAttempts.default(5),
  onLost: definition.onLost.default("retry"),
});

/** An event as the API returns it. */
export const Event = EventDefinition.extend({
  ...EventQueueing.shape,
  id: z.string(),
  name: z.string(),
  description: z.string(),
  /** What a run gets that is triggered without an input. */
  defaultInput: JsonValue,
  /** What the input of every trigger must suit; its `default`s are filled in. Null takes every input. */
  inputSchema: InputSchema.default(null),
  version: z.int(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  archivedAt: z.iso.datetime().nullable(),
}).meta({ id: "Event" });
export type Event = z.infer<typeof Event>;

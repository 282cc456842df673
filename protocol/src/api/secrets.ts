/** `/api/v1/secrets`: written by people and programs, read by the runs of events that name them, and by nobody else. */
import * as z from "zod";
import { ValueName } from "../env-name.ts";
import { EventId } from "../ids.ts";
import { pageOf } from "./page.ts";

/** Largest value, in bytes of UTF-8. */
export const MAX_SECRET_BYTES = 65_536;
/** Values that are shorter, in characters, cannot be masked in logs: they would blank out ordinary text. */
export const SHORTEST_MASKABLE = 4;
/** Largest `.env` text, in characters. */
export const MAX_ENV_FILE_CHARS = 262_144;

/** 1 byte to 64 KiB of UTF-8, several lines if need be, without NUL: what an environment variable can hold. */
export const SecretValue = z
  .string()
  .min(1, "must not be empty")
  .refine((value) => !value.includes("\0"), { message: "must not hold a NUL character; encode binary data as base64" })
  .refine((value) => value.isWellFormed(), { message: "must be valid Unicode; encode binary data as base64" })
  .refine((value) => new TextEncoder().encode(value).length <= MAX_SECRET_BYTES, {
    message: `must be at most ${MAX_SECRET_BYTES} bytes`,
    params: { code: "out_of_range" },
  });

/** `not_maskable`: the value is so short that logs cannot be kept free of it. */
export const secretWarnings = ["not_maskable"] as const;

const Description = z.string().max(500, "must be at most 500 characters");

/** A secret as the API returns it: everything but its value. */
export const Secret = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    /** The event it belongs to; null for one of the whole workspace. */
    eventId: z.string().nullable(),
    eventName: z.string().nullable(),
    /** Rises with each new value. */
    version: z.int(),
    warnings: z.array(z.enum(secretWarnings)),
    /** Events whose newest version names it and gets this one. */
    usedBy: z.array(z.strictObject({ eventId: z.string(), eventName: z.string() })),
    /** When a runner was last handed it, and for which run; null for never. */
    lastUsedAt: z.iso.datetime().nullable(),
    lastUsedRunId: z.string().nullable(),
    createdAt: z.iso.datetime(),
    /** When its value was last replaced. */
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Secret" });
export type Secret = z.infer<typeof Secret>;

export const SecretPage = pageOf(Secret, "SecretPage");

export const CreateSecret = z
  .strictObject({
    name: ValueName,
    value: SecretValue,
    description: Description.default(""),
    /** Only runs of this event get it, instead of the workspace's of the same name; null, the default, for all. */
    eventId: EventId.nullable().default(null),
  })
  .meta({ id: "CreateSecret" });
export type CreateSecret = z.infer<typeof CreateSecret>;

/** A new value, a new description, or both. `version` refuses the change when the secret is at another one. */
export const ReplaceSecret = z
  .strictObject({
    value: SecretValue.optional(),
    description: Description.optional(),
    version: z.int().min(1).optional(),
  })
  .refine(({ value, description }) => value !== undefined || description !== undefined, {
    message: "must hold a value or a description",
  })
  .meta({ id: "ReplaceSecret" });
export type ReplaceSecret = z.infer<typeof ReplaceSecret>;

/** `NAME=value` lines, all of which become secrets or none. */
export const ImportSecrets = z
  .strictObject({
    text: z.string().max(MAX_ENV_FILE_CHARS, `must be at most ${MAX_ENV_FILE_CHARS} characters`),
    eventId: EventId.nullable().default(null),
    /** Only say what would be done; false by default. */
    preview: z.boolean().default(false),
  })
  .meta({ id: "ImportSecrets" });
export type ImportSecrets = z.infer<typeof ImportSecrets>;

export const ImportedSecrets = z
  .strictObject({
    /** In the order of the text. */
    items: z.array(
      z.strictObject({
        name: z.string(),
        /** `replace`: there is a secret of this name, which gets this value. */
        action: z.enum(["create", "replace"]),
        warnings: z.array(z.enum(secretWarnings)),
      }),
    ),
    /** False for a preview. */
    applied: z.boolean(),
  })
  .meta({ id: "ImportedSecrets" });
export type ImportedSecrets = z.infer<typeof ImportedSecrets>;

/** Which scope a list is about. */
export const ScopeQuery = z.strictObject({
  /** What runs of this event get: its own, and those of the workspace that it does not override. Without it, all. */
  eventId: EventId.optional(),
});
export type ScopeQuery = z.infer<typeof ScopeQuery>;

/** Endpoints: addresses at which webhooks of others arrive, and deliveries: what arrived, and what became of it. */
import * as z from "zod";
import { Name } from "./event.ts";
import { EventId } from "./ids.ts";
import { deliveryVerdicts, type DeliveryVerdict } from "./webhook-tables.ts";

/** The name of a header field, RFC 9110. */
export const HeaderName = z.string().refine((name) => /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name), {
  message: "must be the name of a header, such as X-Signature",
  params: { code: "invalid_header" },
});

export const Verification = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("standard") }),
  z.strictObject({ kind: z.literal("github") }),
  z.strictObject({ kind: z.literal("gitlab") }),
  z.strictObject({ kind: z.literal("stripe") }),
  z.strictObject({ kind: z.literal("slack") }),
  z.strictObject({ kind: z.literal("bearer") }),
  z.strictObject({ kind: z.literal("none") }),
  /** The user name is in the clear, the password is the secret. */
  z.strictObject({ kind: z.literal("basic"), username: z.string().regex(/^[^:\p{Cc}]{1,100}$/u) }),
  z.strictObject({
    kind: z.literal("hmac"),
    header: HeaderName,
    algorithm: z.enum(["sha1", "sha256", "sha512"]).default("sha256"),
    encoding: z.enum(["hex", "base64"]).default("hex"),
    /** What stands before the signature in the header, such as `sha256=`. */
    prefix: z.string().max(50).default(""),
  }),
]);
export type Verification = z.infer<typeof Verification>;

export const DEFAULT_DEDUPE_WINDOW_MS = 300_000;
export const MAX_DEDUPE_WINDOW_MS = 86_400_000;

/** What makes two deliveries the same one. Without it: what the kind of verification names for that, else the body. */
export const Dedupe = z.discriminatedUnion("by", [
  z.strictObject({ by: z.literal("header"), header: HeaderName }),
  /** A JSON pointer into the body. */
  z.strictObject({
    by: z.literal("field"),
    pointer: z
      .string()
      .regex(/^(?:\/[^/]*)+$/)
      .max(200),
  }),
  /** The same bytes within this time, 1 s to 1 day. */
  z.strictObject({
    by: z.literal("body"),
    windowMs: z.int().min(1_000).max(MAX_DEDUPE_WINDOW_MS).default(DEFAULT_DEDUPE_WINDOW_MS),
  }),
  z.strictObject({ by: z.literal("none") }),
]);
export type Dedupe = z.infer<typeof Dedupe>;

/** An event that deliveries start. */
export const EndpointTarget = z.strictObject({
  eventId: EventId,
  /** CEL over `body`, `headers` and `query` that must be true; null lets all through. */
  filter: z.string().min(1).max(1_000).nullable().default(null),
  /** JSONata over `{body, headers, query, method}` that makes the input; null: the body is the input. */
  mapping: z.string().min(1).max(4_000).nullable().default(null),
});
export type EndpointTarget = z.infer<typeof EndpointTarget>;

export const MAX_WAIT_MS = 30_000;

const settings = {
  name: Name,
  /** None: what arrives is kept and starts nothing. */
  targets: z.array(EndpointTarget).max(10, "must hold at most 10 events"),
  verification: Verification,
  dedupe: Dedupe.nullable(),
  /** The sender waits for the end of the first run, so long at most; null answers as soon as the run is stored. */
  wait: z.strictObject({ timeoutMs: z.int().min(100).max(MAX_WAIT_MS) }).nullable(),
  enabled: z.boolean(),
};

const time = z.iso.datetime().nullable();

export const Endpoint = z
  .strictObject({
    id: z.string(),
    ...settings,
    /**
     * Below the address of the installation. Null where the address is the secret, for nothing else is checked, but in
     * the answer to the request that made or replaced it; `POST /endpoints/{id}/address` shows it.
     */
    path: z.string().nullable(),
    /** Raised by each change. */
    version: z.int(),
    /** When its secret was set; null without one. */
    secretSetAt: time,
    /** Until then the secret before is good as well. */
    previousSecretUntil: time,
    /** The next delivery until then is shown and starts nothing. */
    listensUntil: time,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Endpoint" });
export type Endpoint = z.infer<typeof Endpoint>;

/** 8 to 500 printable ASCII characters; of `standard` one that begins with `whsec_`. */
export const EndpointSecret = z.string().regex(/^[\x21-\x7e]{8,500}$/, "must be 8 to 500 printable ASCII characters");

export const CreateEndpoint = z
  .strictObject({
    ...settings,
    verification: Verification.default({ kind: "standard" }),
    dedupe: settings.dedupe.default(null),
    wait: settings.wait.default(null),
    enabled: settings.enabled.default(true),
    /** One is made up and shown once where none is given. */
    secret: EndpointSecret.optional(),
  })
  .meta({ id: "CreateEndpoint" });
export type CreateEndpoint = z.infer<typeof CreateEndpoint>;

/** Fields to change; `version` is the one the change is based on. */
export const UpdateEndpoint = z
  .strictObject({
    version: z.int().min(1),
    name: settings.name.optional(),
    targets: settings.targets.optional(),
    verification: settings.verification.optional(),
    dedupe: settings.dedupe.optional(),
    wait: settings.wait.optional(),
    enabled: settings.enabled.optional(),
    /** Replaces the one of now at once. Needed where another kind of verification cannot use that. */
    secret: EndpointSecret.optional(),
  })
  .meta({ id: "UpdateEndpoint" });
export type UpdateEndpoint = z.infer<typeof UpdateEndpoint>;

/** `keepOldMs`: so long the secret before is good as well, 0 to 30 days, one day by default. */
export const RotateEndpointSecret = z
  .strictObject({
    secret: EndpointSecret.optional(),
    keepOldMs: z
      .int()
      .min(0)
      .max(30 * 86_400_000)
      .default(86_400_000),
  })
  .meta({ id: "RotateEndpointSecret" });
export type RotateEndpointSecret = z.infer<typeof RotateEndpointSecret>;

/** `secret` is there once, where it was made up by this request. */
export const EndpointWithSecret = z
  .strictObject({ endpoint: Endpoint, secret: z.string().nullable() })
  .meta({ id: "EndpointWithSecret" });
export type EndpointWithSecret = z.infer<typeof EndpointWithSecret>;

export const EndpointAddress = z.strictObject({ path: z.string() }).meta({ id: "EndpointAddress" });
export type EndpointAddress = z.infer<typeof EndpointAddress>;

const verdicts = Object.keys(deliveryVerdicts) as [DeliveryVerdict, ...DeliveryVerdict[]];

const DeliveryRun = z.strictObject({
  eventId: z.string(),
  verdict: z.enum(verdicts),
  /** Null where nothing was started. */
  runId: z.string().nullable(),
  message: z.string().nullable(),
});
export type DeliveryRun = z.infer<typeof DeliveryRun>;

export const Delivery = z
  .strictObject({
    id: z.string(),
    endpointId: z.string(),
    at: z.iso.datetime(),
    verdict: z.enum(verdicts),
    /** A sentence; null where the verdict says it all. */
    message: z.string().nullable(),
    /** Arrivals that this row stands for: refused ones of a minute, or repeats of one delivery, share a row. */
    count: z.int(),
    /** By which repeats are known; null without one. */
    key: z.string().nullable(),
    method: z.string(),
    contentType: z.string(),
    sizeBytes: z.int(),
    /** The one that this is a replay, or a repeat, of. */
    original: z.string().nullable(),
    runs: z.array(DeliveryRun),
  })
  .meta({ id: "Delivery" });
export type Delivery = z.infer<typeof Delivery>;

/** With what arrived. Refused arrivals have none of it. */
export const DeliveryDetail = z
  .strictObject({
    ...Delivery.shape,
    headers: z.record(z.string(), z.string()).nullable(),
    query: z.record(z.string(), z.string()).nullable(),
    /** As text where it is UTF-8. */
    body: z.string().nullable(),
    bodyBase64: z.string().nullable(),
  })
  .meta({ id: "DeliveryDetail" });
export type DeliveryDetail = z.infer<typeof DeliveryDetail>;

/** The answer to a sender. */
export const HookAnswer = z
  .strictObject({
    deliveryId: z.string(),
    verdict: z.enum(verdicts),
    /** The first run; null where nothing was started. */
    runId: z.string().nullable(),
    runs: z.array(DeliveryRun),
    /** Of the first run, where the endpoint waits for its end. */
    state: z.string().optional(),
    output: z.unknown().optional(),
  })
  .meta({ id: "HookAnswer" });
export type HookAnswer = z.infer<typeof HookAnswer>;

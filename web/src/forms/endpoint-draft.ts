/** What is typed into the form of an endpoint, and what is sent of it. */
import type { CreateEndpoint, Dedupe, Endpoint, UpdateEndpoint, Verification } from "@cronium/protocol/endpoint";
import type { VerificationKind } from "@cronium/protocol/webhook-tables";
import { durationText, parseDuration } from "../lib/duration.ts";
import { t } from "../lib/text.ts";

/** What makes a delivery a repeat; `default`: what the kind of verification names for that. */
export const repeatRules = ["default", "header", "field", "body", "none"] as const;

export interface TargetDraft {
  /** Of the row in the page. */
  readonly key: number;
  readonly eventId: string;
  readonly filter: string;
  readonly mapping: string;
}

export interface EndpointDraft {
  readonly name: string;
  readonly kind: VerificationKind;
  readonly username: string;
  readonly header: string;
  readonly prefix: string;
  readonly algorithm: "sha1" | "sha256" | "sha512";
  readonly encoding: "hex" | "base64";
  /** Empty: the one of now stays, or one is made up. */
  readonly secret: string;
  readonly targets: readonly TargetDraft[];
  readonly repeats: (typeof repeatRules)[number];
  readonly repeatHeader: string;
  readonly repeatPointer: string;
  readonly repeatWindow: string;
  /** Empty: senders do not wait. */
  readonly wait: string;
}

export const MAX_TARGETS = 10;

const NEW: EndpointDraft = {
  name: "",
  kind: "standard",
  username: "",
  header: "X-Signature",
  prefix: "",
  algorithm: "sha256",
  encoding: "hex",
  secret: "",
  targets: [{ key: 0, eventId: "", filter: "", mapping: "" }],
  repeats: "default",
  repeatHeader: "",
  repeatPointer: "",
  repeatWindow: "5 min",
  wait: "",
};

/** Null: of a new one. */
export function endpointDraft(endpoint: Endpoint | null): EndpointDraft {
  if (endpoint === null) {
    return NEW;
  }
  const { name, targets, verification, dedupe, wait } = endpoint;
  return {
    ...NEW,
    ...verification,
    name,
    repeats: dedupe?.by ?? "default",
    repeatHeader: dedupe?.by === "header" ? dedupe.header : NEW.repeatHeader,
    repeatPointer: dedupe?.by === "field" ? dedupe.pointer : NEW.repeatPointer,
    repeatWindow: dedupe?.by === "body" ? durationText(dedupe.windowMs) : NEW.repeatWindow,
    wait: wait === null ? "" : durationText(wait.timeoutMs),
    targets: targets.map(({ eventId, filter, mapping }, key) => ({
      key,
      eventId,
      filter: filter ?? "",
      mapping: mapping ?? "",
    })),
  };
}

export function withTarget(targets: readonly TargetDraft[]): readonly TargetDraft[] {
  const key = Math.max(-1, ...targets.map((one) => one.key)) + 1;
  return [...targets, { key, eventId: "", filter: "", mapping: "" }];
}

/** An expression as the API takes it: null where nothing is written. */
export function orNull(text: string): string | null {
  return text.trim() === "" ? null : text;
}

/** Targets without an event are not meant. Their places in the form, for messages of the API. */
export function sentTargets(draft: EndpointDraft): readonly TargetDraft[] {
  return draft.targets.filter(({ eventId }) => eventId !== "");
}

type Sent = Pick<CreateEndpoint, "name" | "targets" | "verification" | "secret" | "dedupe" | "wait">;

export function newEndpoint(draft: EndpointDraft): Sent {
  return {
    name: draft.name.trim(),
    targets: sentTargets(draft).map(({ eventId, filter, mapping }) => ({
      eventId,
      filter: orNull(filter),
      mapping: orNull(mapping),
    })),
    verification: verificationOf(draft),
    dedupe: dedupeOf(draft),
    wait: draft.wait.trim() === "" ? null : { timeoutMs: parseDuration(draft.wait) ?? 0 },
    ...(draft.secret === "" || draft.kind === "none" ? {} : { secret: draft.secret }),
  };
}

/** Times that cannot be read, by where they are sent. */
export function endpointProblems(draft: EndpointDraft): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  if (draft.repeats === "body" && parseDuration(draft.repeatWindow) === null) {
    problems.set("/dedupe/windowMs", t("endpointForm.badTime"));
  }
  if (draft.wait.trim() !== "" && parseDuration(draft.wait) === null) {
    problems.set("/wait/timeoutMs", t("endpointForm.badTime"));
  }
  return problems;
}

/** `verification` only where it is another one: it may ask for a secret. What arrives likewise, for others may set it. */
export function endpointChange(draft: EndpointDraft, endpoint: Endpoint): UpdateEndpoint {
  const { verification, dedupe, wait, ...sent } = newEndpoint(draft);
  const before = newEndpoint(endpointDraft(endpoint));
  const isSame = (now: unknown, then: unknown): boolean => JSON.stringify(now) === JSON.stringify(then);
  return {
    version: endpoint.version,
    ...sent,
    ...(isSame(verification, before.verification) ? {} : { verification }),
    ...(isSame(dedupe, before.dedupe) ? {} : { dedupe }),
    ...(isSame(wait, before.wait) ? {} : { wait }),
  };
}

function verificationOf({ kind, username, header, prefix, algorithm, encoding }: EndpointDraft): Verification {
  switch (kind) {
    case "basic":
      return { kind, username };
    case "hmac":
      return { kind, header, prefix, algorithm, encoding };
    default:
      return { kind };
  }
}

function dedupeOf({ repeats, repeatHeader, repeatPointer, repeatWindow }: EndpointDraft): Dedupe | null {
  switch (repeats) {
    case "default":
      return null;
    case "header":
      return { by: repeats, header: repeatHeader.trim() };
    case "field":
      return { by: repeats, pointer: repeatPointer.trim() };
    case "body":
      return { by: repeats, windowMs: parseDuration(repeatWindow) ?? 0 };
    case "none":
      return { by: repeats };
  }
}

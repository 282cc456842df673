/** What is typed into the form of an endpoint, and what is sent of it. */
import type { CreateEndpoint, Endpoint, UpdateEndpoint, Verification } from "@cronium/protocol/endpoint";
import type { VerificationKind } from "@cronium/protocol/webhook-tables";

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
};

/** Null: of a new one. */
export function endpointDraft(endpoint: Endpoint | null): EndpointDraft {
  if (endpoint === null) {
    return NEW;
  }
  const { name, targets, verification } = endpoint;
  return {
    ...NEW,
    ...verification,
    name,
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

type Sent = Pick<CreateEndpoint, "name" | "targets" | "verification" | "secret">;

export function newEndpoint(draft: EndpointDraft): Sent {
  return {
    name: draft.name.trim(),
    targets: sentTargets(draft).map(({ eventId, filter, mapping }) => ({
      eventId,
      filter: orNull(filter),
      mapping: orNull(mapping),
    })),
    verification: verificationOf(draft),
    ...(draft.secret === "" || draft.kind === "none" ? {} : { secret: draft.secret }),
  };
}

/** `verification` only where it is another one: it may ask for a secret. */
export function endpointChange(draft: EndpointDraft, endpoint: Endpoint): UpdateEndpoint {
  const { verification, ...sent } = newEndpoint(draft);
  const before = verificationOf(endpointDraft(endpoint));
  const isSame = JSON.stringify(verification) === JSON.stringify(before);
  return { version: endpoint.version, ...sent, ...(isSame ? {} : { verification }) };
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

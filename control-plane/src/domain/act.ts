/** A privileged act: who does it, from where, and what is written about it. */
import type { Json } from "@cronium/protocol";
import { actorId, type Actor } from "./actor.ts";

/** Who asks, and by which request. */
export interface Act {
  readonly actor: Actor;
  /** Null where the platform names no address, as embedded. */
  readonly ip: string | null;
  readonly requestId: string;
}

/** What a machine does that nobody has signed in on: the token that it brought is who acts. */
export interface TokenAct extends Omit<Act, "actor"> {
  readonly actor: { readonly kind: "registration_token"; readonly tokenId: string; readonly workspaceId: string };
}

/** What an audit entry says beside when, by whom and in which place of the chain. */
export interface Deed {
  /** Such as `member.role_changed`. */
  readonly verb: string;
  /** Id of what it is done to. */
  readonly target: string;
  /** Secrets never, not even as hashes of short ones. */
  readonly before?: Json;
  readonly after?: Json;
}

/** Who did it and how they came, as objects are told and audit entries say. */
export interface Stamp {
  readonly actor: { readonly kind: Actor["kind"] | TokenAct["actor"]["kind"] | "run" | "system"; readonly id: string };
  readonly ip: string | null;
  readonly requestId: string;
}

export function stampOf({ actor, ip, requestId }: Act | TokenAct): Stamp {
  const id = actor.kind === "registration_token" ? actor.tokenId : actorId(actor);
  return { actor: { kind: actor.kind, id }, ip, requestId };
}

/** What the installation does by itself; `id` names the work, such as `retention`. */
export function systemStamp(id: string): Stamp {
  return { actor: { kind: "system", id }, ip: null, requestId: "" };
}

/** An entry as it is hashed, JSON. */
export function entryText(at: number, stamp: Stamp, deed: Deed): string {
  return JSON.stringify({
    at: new Date(at).toISOString(),
    actor: stamp.actor,
    ip: stamp.ip,
    requestId: stamp.requestId,
    verb: deed.verb,
    target: deed.target,
    before: deed.before ?? null,
    after: deed.after ?? null,
  });
}

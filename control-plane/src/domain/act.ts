/** A privileged act: who does it, from where, and what is written about it. */
import type { Json } from "@cronium/protocol";
import type { Actor } from "./actor.ts";

/** Who asks, and by which request. */
export interface Act {
  readonly actor: Actor;
  /** Null where the platform names no address, as embedded. */
  readonly ip: string | null;
  readonly requestId: string;
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

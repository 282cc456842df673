import type { RunOrigin } from "@cronium/protocol";
import type { Stamp } from "./act.ts";

/** What a run says of the person or the key that asked for it. */
export function askedBy({ kind, id }: Stamp["actor"]): RunOrigin {
  return kind === "user" ? { type: "user", userId: id } : { type: "api_key", keyId: id };
}

import { AppError } from "@cronium/protocol/errors";
import type { Actor } from "../domain/actor.ts";

export type Person = Extract<Actor, { readonly kind: "user" }>;

/** Throws `forbidden` for a key: it has no account of its own. */
export function personOf(actor: Actor): Person {
  if (actor.kind !== "user") {
    throw new AppError("forbidden", "This is about a person's own account; an API key has none.");
  }
  return actor;
}

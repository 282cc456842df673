/** Who does something: found out once per request, passed to every use case, written into audits. */
import { mayDo, type Permission } from "@cronium/protocol/access";
import type { Role } from "@cronium/protocol/roles";

export type Actor =
  | {
      readonly kind: "user";
      readonly userId: string;
      readonly sessionId: string;
      readonly workspaceId: string;
      readonly role: Role;
      /** Until when acts that need a fresh proof of who this is are allowed; milliseconds since 1970. */
      readonly provenUntil: number;
    }
  | {
      readonly kind: "api_key";
      readonly keyId: string;
      readonly workspaceId: string;
      /** Of the key, or of the person behind it when that is less. */
      readonly role: Role;
      /** Null: everything that the role may do. */
      readonly scopes: readonly Permission[] | null;
    };

/** Whether this actor may do it: by its role, and by its scopes where it has any. */
export function actorMay(actor: Actor, permission: Permission): boolean {
  const scoped = actor.kind === "api_key" && actor.scopes !== null ? actor.scopes.includes(permission) : true;
  return scoped && mayDo(actor.role, permission);
}

/** For audits: the id of the person, or of the key. */
export function actorId(actor: Actor): string {
  return actor.kind === "user" ? actor.userId : actor.keyId;
}

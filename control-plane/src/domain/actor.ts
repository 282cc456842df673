/** Who does something: found out once per request, passed to every use case, written into audits later. */
import type { Role } from "@cronium/protocol/roles";

export { roles, type Role } from "@cronium/protocol/roles";

export type Actor =
  | { readonly kind: "user"; readonly userId: string; readonly workspaceId: string; readonly role: Role }
  | { readonly kind: "api_key"; readonly keyId: string; readonly workspaceId: string; readonly role: Role };

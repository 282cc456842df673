/** Who does something: found out once per request, passed to every use case, written into audits later. */

export const roles = ["owner", "admin", "editor", "operator", "viewer"] as const;
export type Role = (typeof roles)[number];

export type Actor =
  | { readonly kind: "user"; readonly userId: string; readonly workspaceId: string; readonly role: Role }
  | { readonly kind: "api_key"; readonly keyId: string; readonly workspaceId: string; readonly role: Role };

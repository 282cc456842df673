/** Roles in a workspace, from the one that may do everything down: a plain table without zod. */

export const roles = ["owner", "admin", "editor", "operator", "viewer"] as const;
export type Role = (typeof roles)[number];

/** The role of the two that may do less. */
export function lesserRole(a: Role, b: Role): Role {
  return roles.indexOf(a) > roles.indexOf(b) ? a : b;
}

/** This role and those that may do less. */
export function rolesWithin(role: Role): Role[] {
  return roles.slice(roles.indexOf(role));
}

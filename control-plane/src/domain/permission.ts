/** What each role may do in its workspace. A permission that a role does not list is refused. */
import type { Role } from "./actor.ts";

export const permissions = [
  "account:read",
  "account:write",
  "events:read",
  "events:write",
  "runs:read",
  "runs:trigger",
  "runs:cancel",
  "runners:read",
  "runners:write",
  "live:read",
  "tokens:write",
  "settings:read",
  "settings:write",
  "queues:read",
  "queues:write",
  "metrics:read",
] as const;
export type Permission = (typeof permissions)[number];

const viewer = [
  "account:read",
  "account:write",
  "events:read",
  "runs:read",
  "runners:read",
  "live:read",
  "settings:read",
  "queues:read",
] as const satisfies readonly Permission[];
const operator = [...viewer, "runs:trigger", "runs:cancel", "queues:write"] as const satisfies readonly Permission[];
const editor = [...operator, "events:write"] as const satisfies readonly Permission[];
const admin = [
  ...editor,
  "runners:write",
  "tokens:write",
  "settings:write",
  "metrics:read",
] as const satisfies readonly Permission[];

/** Each role holds what the one before it holds, and more. */
export const rolePermissions = {
  viewer,
  operator,
  editor,
  admin,
  owner: permissions,
} as const satisfies Record<Role, readonly Permission[]>;

export function mayDo(role: Role, permission: Permission): boolean {
  return (rolePermissions[role] as readonly Permission[]).includes(permission);
}

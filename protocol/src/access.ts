/**
 * Who may do what: one table for the server, the dashboard and the command line. Plain values without zod.
 *
 * A permission that a role does not list is refused. A scope of an API key is a permission; a key may do what its role
 * and its scopes both allow.
 */
import type { BulkAction } from "./api/bulk.ts";
import { roles, type Role } from "./roles.ts";

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
  "members:read",
  "members:write",
  /** Keys of one's own. */
  "keys:own",
  "keys:read",
  "keys:write",
  "audit:read",
  "workspace:write",
  "settings:read",
  "settings:write",
  "queues:read",
  "queues:write",
  "schedules:read",
  /** Pausing and resuming, not what they say. */
  "schedules:pause",
  "schedules:write",
  "variables:read",
  "variables:write",
  "secrets:read",
  "secrets:write",
  "metrics:read",
  /** Addresses of webhooks, and what arrived there. */
  "endpoints:read",
  "endpoints:write",
  /** Messages to people that no mail took to them: whoever reads one may use its link. */
  "messages:read",
] as const;
export type Permission = (typeof permissions)[number];

const viewer = [
  "account:read",
  "account:write",
  "events:read",
  "runs:read",
  "runners:read",
  "live:read",
  "members:read",
  "keys:own",
  "settings:read",
  "queues:read",
  "schedules:read",
  "variables:read",
] as const satisfies readonly Permission[];
const operator = [
  ...viewer,
  "runs:trigger",
  "runs:cancel",
  "queues:write",
  "schedules:pause",
  "endpoints:read",
] as const satisfies readonly Permission[];
/** Reading a secret means its name and where it is used; nobody is shown a value. */
const editor = [
  ...operator,
  "events:write",
  "schedules:write",
  "variables:write",
  "secrets:read",
  "endpoints:write",
] as const satisfies readonly Permission[];
const admin = [
  ...editor,
  "runners:write",
  "members:write",
  "keys:read",
  "keys:write",
  "audit:read",
  "settings:write",
  "secrets:write",
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

/** Whether `role` holds everything that `other` holds. */
export function isAtLeast(role: Role, other: Role): boolean {
  return roles.indexOf(role) <= roles.indexOf(other);
}

/**
 * Whether somebody with this role may give, change or take away `other`. Nobody hands out more than they hold, and only
 * owners decide about owners and administrators.
 */
export function mayGrant(role: Role, other: Role): boolean {
  return role === "owner" || (mayDo(role, "members:write") && !isAtLeast(other, role));
}

/** What bulk work needs: the same as what it does to each run. */
export const bulkPermissions = {
  cancel: "runs:cancel",
  retry: "runs:trigger",
  requeue: "runs:trigger",
} as const satisfies Record<BulkAction, Permission>;

/** How many of each kind there may be at a time. These quotas do not come back by waiting: something has to go. */
import type { Refusal } from "./dispatcher.ts";

interface CountQuota {
  readonly limit: number;
  /** Who holds them, after "has 3 secrets". */
  readonly holder: "This workspace" | "Your account";
  readonly things: string;
  /** What makes room. */
  readonly remedy: string;
}

export const countQuotas = {
  events: {
    limit: 10_000,
    holder: "This workspace",
    things: "events",
    remedy: "Change one of them in place of making another, or run a script once by POST /runs.",
  },
  schedules: {
    limit: 10_000,
    holder: "This workspace",
    things: "schedules",
    remedy: "Delete some that are not needed any more.",
  },
  secrets: {
    limit: 1_000,
    holder: "This workspace",
    things: "secrets",
    remedy: "Delete some that no event names any more.",
  },
  variables: {
    limit: 1_000,
    holder: "This workspace",
    things: "variables",
    remedy: "Delete some, or put several values into one variable as JSON.",
  },
  endpoints: {
    limit: 1_000,
    holder: "This workspace",
    things: "endpoints",
    remedy: "Delete some that nobody sends to any more.",
  },
  "api-keys": {
    limit: 1_000,
    holder: "This workspace",
    things: "API keys that have not expired",
    remedy: "Revoke some that are not used any more.",
  },
  "service-accounts": {
    limit: 1_000,
    holder: "This workspace",
    things: "service accounts",
    remedy: "Remove some that are not used any more.",
  },
  "registration-tokens": {
    limit: 1_000,
    holder: "This workspace",
    things: "registration tokens that can still be used",
    remedy: "Revoke some, wait until they expire, or make one that is reusable.",
  },
  invitations: {
    limit: 1_000,
    holder: "This workspace",
    things: "open invitations",
    remedy: "Withdraw some, or wait until they are accepted or expire.",
  },
  workspaces: {
    limit: 50,
    holder: "Your account",
    things: "workspaces",
    remedy: "Leave or delete one first.",
  },
  passkeys: { limit: 20, holder: "Your account", things: "passkeys", remedy: "Remove one first." },
} as const satisfies Readonly<Record<string, CountQuota>>;
export type CountQuotaName = keyof typeof countQuotas;

/** Why `more` of them cannot be added to the `count` that there are; null when they can. */
export function overCount(name: CountQuotaName, count: number, more = 1): Refusal | null {
  const { limit, holder, things, remedy } = countQuotas[name];
  return count + more <= limit
    ? null
    : {
        ok: false,
        code: "quota_exceeded",
        message: `${holder} has ${count} ${things}, and may have ${limit} (${name}). ${remedy}`,
        usedUp: { name, limit, windowSeconds: null, resetSeconds: null },
      };
}

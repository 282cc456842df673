/**
 * Whether a job may be connected with a host, and with which address. A name is resolved once and the address that was
 * looked at is the one that is dialled, so a name that changes its address in between gains nothing.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type AllowedHost, isHostAllowed } from "@cronium/protocol/allowed-host";

export interface EgressRules {
  readonly hosts: readonly AllowedHost[];
  /** Beside them, of the local policy; null when it names none. */
  readonly also: readonly AllowedHost[] | null;
  /** Whether an address may be dialled. */
  readonly isOpen: (address: string) => boolean;
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

export type Decision =
  | { readonly ok: true; readonly host: string; readonly port: number; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly status: 403 | 502; readonly why: string };

export async function decide(rules: EgressRules, asked: string, port: number): Promise<Decision> {
  const host = asked.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  const place = `${asked}:${port}`;
  if (!rules.hosts.some((rule) => isHostAllowed(rule, host, port))) {
    return { ok: false, status: 403, why: `${place} is not among the hosts that this event may reach` };
  }
  if (rules.also !== null && !rules.also.some((rule) => isHostAllowed(rule, host, port))) {
    return { ok: false, status: 403, why: `${place} is not among the hosts of the runner's local policy` };
  }
  let found: readonly string[];
  try {
    found = isIP(host) === 0 ? await (rules.resolve ?? addressesOf)(host) : [host];
  } catch (error) {
    return { ok: false, status: 502, why: `${host} has no address: ${String((error as Error).message)}` };
  }
  const addresses = found.filter((address) => rules.isOpen(address));
  if (addresses.length === 0) {
    const why = `${place} leads to ${found.join(", ") || "no address"}, which is not of the public internet and not opened by the runner's local policy`;
    return { ok: false, status: 403, why };
  }
  return { ok: true, host, port, addresses };
}

async function addressesOf(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

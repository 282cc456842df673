/** Where a request comes from, when proxies of the operator stand before the control plane. */
import { formatIp, type IpAddress, type IpRange, isWithin, parseIp, unmapped } from "./ip-address.ts";

/** As workerd names its peer: `192.0.2.1:50000`, `[2001:db8::1]:50000`. Null for anything else. */
export function parsePeer(text: string): IpAddress | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):\d+$/i.exec(text);
  const ip = match === null ? null : parseIp(match[1] ?? match[2] ?? "");
  return ip === null ? null : unmapped(ip);
}

/**
 * The nearest address of the chain that is no trusted proxy: each proxy appends whom it heard from, so that what stands
 * left of an untrusted address was written by that one and may be a lie. `forwardedFor` is `X-Forwarded-For` as it came.
 */
export function clientOf(peer: IpAddress, forwardedFor: string | undefined, trusted: readonly IpRange[]): IpAddress {
  const isTrusted = (ip: IpAddress): boolean => trusted.some((range) => isWithin(ip, range));
  let client = peer;
  for (const hop of (forwardedFor ?? "").split(",").toReversed()) {
    const ip = parseIp(hop.trim());
    if (!isTrusted(client) || ip === null) {
      break;
    }
    client = unmapped(ip);
  }
  return client;
}

/** What a limit per address counts: an IPv4 address, or the /64 of an IPv6 address, which one machine has to itself. */
export function countedAs(ip: IpAddress): string {
  return ip.version === 4 ? formatIp(ip) : `${formatIp({ ...ip, value: (ip.value >> 64n) << 64n })}/64`;
}

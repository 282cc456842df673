/** IP addresses as numbers, so that ranges are compared and never texts. */

export interface IpAddress {
  readonly version: 4 | 6;
  readonly value: bigint;
}

/** A block of addresses, both ends included. */
export interface IpRange {
  readonly version: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

const BITS = { 4: 32n, 6: 128n } as const;

/**
 * Dotted decimal without leading zeros (`192.0.2.1`), or any form of RFC 4291 (`::1`, `::ffff:192.0.2.1`) without a
 * zone. Null for everything else, also for `0x7f.1` and `127.1`, which some parsers take for addresses.
 */
export function parseIp(text: string): IpAddress | null {
  return text.includes(":") ? parseIp6(text) : parseIp4(text);
}

/** `address/bits`, or one address. Null when it is neither, or bits beyond the prefix are set. */
export function parseRange(text: string): IpRange | null {
  const [address = "", prefix, ...rest] = text.split("/");
  const ip = parseIp(address);
  if (ip === null || rest.length > 0) {
    return null;
  }
  const bits = BITS[ip.version];
  if (prefix === undefined) {
    return { version: ip.version, first: ip.value, last: ip.value };
  }
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || BigInt(prefix) > bits) {
    return null;
  }
  const hostMask = (1n << (bits - BigInt(prefix))) - 1n;
  return (ip.value & hostMask) === 0n ? { version: ip.version, first: ip.value, last: ip.value | hostMask } : null;
}

export function isWithin(ip: IpAddress, range: IpRange): boolean {
  return ip.version === range.version && ip.value >= range.first && ip.value <= range.last;
}

/** `::ffff:a.b.c.d` is the IPv4 address inside it; every other address is itself. */
export function unmapped(ip: IpAddress): IpAddress {
  return ip.version === 6 && ip.value >> 32n === 0xffffn ? { version: 4, value: ip.value & 0xffffffffn } : ip;
}

/** One text for each address; IPv6 in eight groups without leading zeros. */
export function formatIp({ version, value }: IpAddress): string {
  const [groups, bits, base] = version === 4 ? [4n, 8n, 10] : [8n, 16n, 16];
  const mask = (1n << bits) - 1n;
  const parts: string[] = [];
  for (let group = groups - 1n; group >= 0n; group -= 1n) {
    parts.push(((value >> (group * bits)) & mask).toString(base));
  }
  return parts.join(version === 4 ? "." : ":");
}

function parseIp4(text: string): IpAddress | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return null;
  }
  return { version: 4, value: parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n) };
}

function parseIp6(text: string): IpAddress | null {
  const tail = text.slice(text.lastIndexOf(":") + 1);
  let groups = text;
  if (tail.includes(".")) {
    const inner = parseIp4(tail);
    if (inner === null) {
      return null;
    }
    const [high, low] = [inner.value >> 16n, inner.value & 0xffffn];
    groups = `${text.slice(0, -tail.length)}${high.toString(16)}:${low.toString(16)}`;
  }
  const halves = groups.split("::");
  const [head = [], rest = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const given = head.length + rest.length;
  const isComplete = halves.length === 1 ? given === 8 : halves.length === 2 && given < 8;
  if (!isComplete || ![...head, ...rest].every((group) => /^[0-9a-f]{1,4}$/i.test(group))) {
    return null;
  }
  const all = [...head, ...Array.from({ length: 8 - given }, () => "0"), ...rest];
  return { version: 6, value: all.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n) };
}

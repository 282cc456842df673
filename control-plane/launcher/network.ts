/**
 * Which networks workerd lets the Worker out to. It is the last of the checks on outgoing requests
 * (`src/outbound/guarded-fetch.ts`) and the only one that sees the address of the connection itself.
 */
import { BlockList, isIP } from "node:net";
import { specialBlocks } from "@cronium/protocol/special-addresses";
import { LauncherError } from "./launcher-error.ts";

/**
 * `networks` is the setting `OUTBOUND_NETWORKS`: addresses and blocks, apart by commas, that are let through beside the
 * public internet. Throws a clear line for one that is none.
 */
export function outboundNetwork(networks: string): {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
} {
  const allowed = networks.split(",").flatMap((part) => (part.trim() === "" ? [] : [block(part.trim())]));
  return {
    allow: ["public", ...allowed.map(({ text }) => text)],
    // workerd's own idea of what is public holds some of these. A denied block wins over an allowed one within it or
    // around it, so it makes way; what is left of it is still closed where workerd itself counts it as private.
    deny: specialBlocks.flatMap(({ block: denied }) =>
      allowed.some((one) => overlap(one, block(denied))) ? [] : [denied],
    ),
  };
}

interface Block {
  readonly text: string;
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

function block(text: string): Block {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (version === 0 || rest.length > 0 || !/^\d{1,3}$/.test(prefix ?? "0") || length > bits) {
    throw new LauncherError(`OUTBOUND_NETWORKS: "${text.slice(0, 80)}" is no address such as 10.0.0.1 or 10.0.0.0/8.`);
  }
  return { text: `${address}/${length}`, address, prefix: length, family: version === 4 ? "ipv4" : "ipv6" };
}

function overlap(a: Block, b: Block): boolean {
  return a.family === b.family && (holds(a, b.address) || holds(b, a.address));
}

function holds({ address, prefix, family }: Block, other: string): boolean {
  const list = new BlockList();
  list.addSubnet(address, prefix, family);
  return list.check(other, family);
}

/** Which addresses belong to the public internet: those that no registry reserves, and of IPv6 only 2000::/3. */
import { specialBlocks } from "@cronium/protocol/special-addresses";
import { isWithin, parseRange, type IpAddress, type IpRange } from "./ip-address.ts";

function range(text: string): IpRange {
  const parsed = parseRange(text);
  if (parsed === null) {
    throw new Error(`${text} is no block of addresses.`);
  }
  return parsed;
}

const special = specialBlocks.map(({ block, use }) => ({ range: range(block), use }));
const GLOBAL_UNICAST = range("2000::/3");

/** What an address is for that is not of the public internet; null for one that is. */
export function specialUse(ip: IpAddress): string | null {
  const found = special.find((block) => isWithin(ip, block.range));
  if (found !== undefined) {
    return found.use;
  }
  return ip.version === 4 || isWithin(ip, GLOBAL_UNICAST) ? null : "not assigned";
}

/** Ranges of addresses: what is not of the public internet, and what the local policy opens of it. */
import { BlockList, isIP, isIPv4 } from "node:net";
import { specialBlocks } from "@cronium/protocol/special-addresses";

/** Whether a text is a range such as `10.1.0.0/16` or `fd00::/8`. */
export function isRange(text: string): boolean {
  const [address = "", length = "", ...rest] = text.split("/");
  const most = isIPv4(address) ? 32 : 128;
  return isIP(address) !== 0 && rest.length === 0 && /^[0-9]{1,3}$/.test(length) && Number(length) <= most;
}

/** One family apart from the other: `::/8` would hold every IPv4 address too. */
function inRanges(ranges: readonly string[]): (address: string) => boolean {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const range of ranges) {
    const [address = "", length = "0"] = range.split("/");
    lists[familyOf(address)].addSubnet(address, Number(length), familyOf(address));
  }
  return (address) => lists[familyOf(address)].check(address, familyOf(address));
}

const familyOf = (address: string): "ipv4" | "ipv6" => (isIPv4(address) ? "ipv4" : "ipv6");

/** Whether a job may be connected with an address: one of the public internet, or in one of the `opened` ranges. */
export function addressCheck(opened: readonly string[]): (address: string) => boolean {
  const special = inRanges(specialBlocks.map(({ block }) => block));
  const open = inRanges(opened);
  return (address) => isIP(address) !== 0 && (!special(address) || open(address));
}

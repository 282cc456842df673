/**
 * Keeps jobs with a network of their own away from this machine and from private addresses: rules of the kernel's
 * firewall, by the range that all such networks are cut from. A job cannot send from another address, because it may
 * not make raw packets. Docker calls the chain `DOCKER-USER` before its own rules and leaves it alone.
 */
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { specialBlocks } from "@cronium/protocol/special-addresses";
import { isRange } from "../../network-ranges.ts";
import { run } from "./command.ts";

/** `range`: where the networks are cut from; `opened`: private ranges that jobs may reach. IPv4 alone. */
export async function closeNetworks(range: string, opened: readonly string[]): Promise<void> {
  const iptables = (...args: string[]): Promise<string> => run("iptables", ["-w", "10", ...args]);
  const wanted = rules(opened);
  // One for each range: two runners on a machine may open different addresses.
  const chain = `CRONIUM-${range.replace("/", "-")}`;
  const there = await iptables("-S", chain).catch(() => null);
  if (there === null || there.trim().split("\n").length !== wanted.length + 1) {
    await iptables("-N", chain).catch(() => "");
    // Closed while it is filled.
    await iptables("-F", chain);
    for (const rule of wanted) {
      await iptables("-A", chain, ...rule);
    }
  }
  for (const [parent, target] of [
    ["DOCKER-USER", chain],
    ["INPUT", "REJECT"],
  ] as const) {
    const rule = [parent, "-s", range, "-j", target];
    await iptables("-C", ...rule).catch(() => iptables("-I", ...rule));
  }
}

function rules(opened: readonly string[]): string[][] {
  const v4 = (ranges: readonly string[]): string[] =>
    ranges.filter((range) => isRange(range) && isIPv4(range.split("/")[0] ?? ""));
  const names = nameServers().flatMap((server) =>
    ["udp", "tcp"].map((protocol) => ["-d", server, "-p", protocol, "--dport", "53", "-j", "RETURN"]),
  );
  return [
    ...names,
    ...v4(opened).map((range) => ["-d", range, "-j", "RETURN"]),
    ...v4(specialBlocks.map(({ block }) => block)).map((block) => ["-d", block, "-j", "REJECT"]),
  ];
}

/** Docker hands these on to containers; those on this machine's loopback it replaces. */
function nameServers(): string[] {
  let text = "";
  try {
    text = readFileSync("/etc/resolv.conf", "utf8");
  } catch {
    // Then nobody is asked.
  }
  return [...text.matchAll(/^nameserver\s+(\S+)/gm)]
    .map(([, address = ""]) => address)
    .filter((address) => isIPv4(address) && !address.startsWith("127."));
}

/**
 * Blocks of IP addresses that are not of the public internet: IANA's special-purpose registries for IPv4 and IPv6 (RFC
 * 6890 and its updates), and multicast. A plain table without zod, for the Worker, which refuses them by name, and for
 * the launcher, which has the runtime refuse them.
 *
 * A block is listed whole, also where the registry calls a few addresses in it global (192.0.0.9, 2001:1::1 and the
 * like): nobody serves anything there.
 */
export interface SpecialBlock {
  readonly block: string;
  /** An address in it. */
  readonly example: string;
  readonly use: string;
}

export const specialBlocks: readonly SpecialBlock[] = [
  { block: "0.0.0.0/8", example: "0.0.0.1", use: "this network" },
  { block: "10.0.0.0/8", example: "10.0.0.1", use: "private" },
  { block: "100.64.0.0/10", example: "100.64.0.1", use: "shared by carriers" },
  { block: "127.0.0.0/8", example: "127.0.0.1", use: "this machine" },
  { block: "169.254.0.0/16", example: "169.254.169.254", use: "link-local, metadata of clouds" },
  { block: "172.16.0.0/12", example: "172.17.0.1", use: "private" },
  { block: "192.0.0.0/24", example: "192.0.0.8", use: "protocol assignments" },
  { block: "192.0.2.0/24", example: "192.0.2.1", use: "documentation" },
  { block: "192.88.99.0/24", example: "192.88.99.1", use: "6to4 relays" },
  { block: "192.168.0.0/16", example: "192.168.1.1", use: "private" },
  { block: "198.18.0.0/15", example: "198.18.0.1", use: "benchmarks" },
  { block: "198.51.100.0/24", example: "198.51.100.1", use: "documentation" },
  { block: "203.0.113.0/24", example: "203.0.113.1", use: "documentation" },
  { block: "224.0.0.0/4", example: "224.0.0.1", use: "multicast" },
  { block: "240.0.0.0/4", example: "255.255.255.255", use: "reserved, broadcast" },
  { block: "64:ff9b::/96", example: "64:ff9b::7f00:1", use: "NAT64" },
  { block: "64:ff9b:1::/48", example: "64:ff9b:1::1", use: "local NAT64" },
  { block: "::/8", example: "::1", use: "this machine, IPv4 within IPv6" },
  { block: "100::/64", example: "100::1", use: "discarded" },
  { block: "100:0:0:1::/64", example: "100:0:0:1::1", use: "dummy" },
  { block: "2001::/23", example: "2001:0:53aa:64c::1", use: "protocol assignments, Teredo, benchmarks, ORCHID" },
  { block: "2001:db8::/32", example: "2001:db8::1", use: "documentation" },
  { block: "2002::/16", example: "2002:7f00:1::1", use: "6to4" },
  { block: "3fff::/20", example: "3fff::1", use: "documentation" },
  { block: "5f00::/16", example: "5f00::1", use: "segment routing" },
  { block: "fc00::/7", example: "fd12:3456::1", use: "private" },
  { block: "fe80::/10", example: "fe80::1", use: "link-local" },
  { block: "fec0::/10", example: "fec0::1", use: "site-local" },
  { block: "ff00::/8", example: "ff02::1", use: "multicast" },
];

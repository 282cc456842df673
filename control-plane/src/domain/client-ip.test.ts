import { test } from "vitest";
import { clientOf, countedAs, parsePeer } from "./client-ip.ts";
import { formatIp, parseIp, parseRange } from "./ip-address.ts";

const trusted = ["127.0.0.1", "10.0.0.0/8"].flatMap((range) => parseRange(range) ?? []);

function client(peer: string, forwardedFor?: string): string {
  const ip = parseIp(peer);
  return ip === null ? "none" : formatIp(clientOf(ip, forwardedFor, trusted));
}

test("the runtime's peers are read with their ports", ({ expect }) => {
  const read = (text: string): string | null => {
    const ip = parsePeer(text);
    return ip === null ? null : formatIp(ip);
  };
  expect(read("192.0.2.1:50000")).toBe("192.0.2.1");
  expect(read("[2001:db8::1]:50000")).toBe("2001:db8:0:0:0:0:0:1");
  expect(read("[::ffff:192.0.2.1]:1")).toBe("192.0.2.1");
  for (const text of ["", "192.0.2.1", "::1", "unix:/run/x", "[192.0.2.1", "192.0.2.1:"]) {
    expect(read(text), text).toBeNull();
  }
});

test("a forwarded address is believed from a trusted proxy alone", ({ expect }) => {
  expect(client("192.0.2.1", "203.0.113.9")).toBe("192.0.2.1");
  expect(client("127.0.0.1", "203.0.113.9")).toBe("203.0.113.9");
  expect(client("127.0.0.1")).toBe("127.0.0.1");
  expect(client("127.0.0.1", "")).toBe("127.0.0.1");
});

test("what a client itself wrote into the chain is not believed", ({ expect }) => {
  expect(client("127.0.0.1", "1.1.1.1, 203.0.113.9")).toBe("203.0.113.9");
  expect(client("127.0.0.1", "1.1.1.1,203.0.113.9 , 10.2.3.4")).toBe("203.0.113.9");
  expect(client("127.0.0.1", "203.0.113.9, unknown")).toBe("127.0.0.1");
  expect(client("127.0.0.1", "10.1.1.1, 10.2.2.2")).toBe("10.1.1.1");
});

test("an IPv6 address counts with its whole network, which one machine has to itself", ({ expect }) => {
  const counted = (text: string): string => countedAs(parseIp(text) ?? { version: 4, value: 0n });
  expect(counted("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2:0:0:0:0/64");
  expect(counted("2001:db8:1:2::9")).toBe("2001:db8:1:2:0:0:0:0/64");
  expect(counted("192.0.2.1")).toBe("192.0.2.1");
});

import { test } from "vitest";
import { formatIp, isWithin, parseIp, parseRange, unmapped } from "./ip-address.ts";

test("addresses are read in their standard forms alone", ({ expect }) => {
  const written = (text: string): string | null => {
    const ip = parseIp(text);
    return ip === null ? null : formatIp(ip);
  };
  expect(written("192.0.2.1")).toBe("192.0.2.1");
  expect(written("::")).toBe("0:0:0:0:0:0:0:0");
  expect(written("::1")).toBe("0:0:0:0:0:0:0:1");
  expect(written("2001:DB8::5")).toBe("2001:db8:0:0:0:0:0:5");
  expect(written("1:2:3:4:5:6:7:8")).toBe("1:2:3:4:5:6:7:8");
  expect(written("::ffff:192.0.2.1")).toBe("0:0:0:0:0:ffff:c000:201");
  for (const text of [
    "",
    "x",
    "1",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "127.0.0.01",
    "256.0.0.1",
    "1.2.3.4.5",
    "1.2.3.4 ",
    "::1%eth0",
    "[::1]",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8:9",
    "12345::",
    "::1.2.3",
    ":1:2:3:4:5:6:7",
  ]) {
    expect(written(text), text).toBeNull();
  }
});

test("ranges hold the addresses from their first to their last", ({ expect }) => {
  const holds = (range: string, ip: string): boolean => {
    const [parsedRange, parsedIp] = [parseRange(range), parseIp(ip)];
    return parsedRange !== null && parsedIp !== null && isWithin(parsedIp, parsedRange);
  };
  expect(holds("198.18.0.0/15", "198.18.0.0")).toBe(true);
  expect(holds("198.18.0.0/15", "198.19.255.255")).toBe(true);
  expect(holds("198.18.0.0/15", "198.20.0.0")).toBe(false);
  expect(holds("0.0.0.0/0", "255.255.255.255")).toBe(true);
  expect(holds("0.0.0.0/0", "::1")).toBe(false);
  expect(holds("fc00::/7", "fdff::1")).toBe(true);
  expect(holds("127.0.0.1", "127.0.0.1")).toBe(true);
  for (const range of ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "x/8"]) {
    expect(parseRange(range), range).toBeNull();
  }
});

test("an IPv4 address within an IPv6 address is that IPv4 address", ({ expect }) => {
  const inner = (text: string): string => formatIp(unmapped(parseIp(text) ?? { version: 4, value: 0n }));
  expect(inner("::ffff:127.0.0.1")).toBe("127.0.0.1");
  expect(inner("::ffff:7f00:1")).toBe("127.0.0.1");
  expect(inner("::1")).toBe("0:0:0:0:0:0:0:1");
  expect(inner("192.0.2.7")).toBe("192.0.2.7");
});

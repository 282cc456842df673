import { test } from "vitest";
import { specialBlocks } from "@cronium/protocol/special-addresses";
import { addressCheck, isRange } from "./network-ranges.ts";

test("T3 no address of a special range is reached, in any notation of it", ({ expect }) => {
  const allowed = addressCheck([]);
  const special = specialBlocks.map(({ example }) => example);
  const spelled = ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "0:0:0:0:0:ffff:a9fe:a9fe", "fe80::1", "", "x"];
  expect([...special, ...spelled].filter(allowed)).toEqual([]);
  expect(["1.1.1.1", "93.184.215.14", "2606:4700::1111"].filter(allowed)).toHaveLength(3);
});

test("T3 the local policy opens ranges one by one", ({ expect }) => {
  const allowed = addressCheck(["10.1.0.0/16", "fd00::/8"]);
  expect(["10.1.2.3", "fd12::1"].filter(allowed)).toHaveLength(2);
  expect(["10.2.0.1", "127.0.0.1", "169.254.169.254", "fe80::1"].filter(allowed)).toEqual([]);
});

test("a range is an address with the length of its prefix", ({ expect }) => {
  expect(["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"].filter((one) => !isRange(one))).toEqual([]);
  expect(
    ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "x/8", "10.0.0.0/8/8", "10.0.0.0/-1"].filter(isRange),
  ).toEqual([]);
});

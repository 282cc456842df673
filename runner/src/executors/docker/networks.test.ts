import { test } from "vitest";
import { subnetsOf } from "./networks.ts";

test("a range is cut into networks of eight addresses, from its own first one", ({ expect }) => {
  expect([...subnetsOf("10.213.0.9/27")]).toEqual([
    "10.213.0.0/29",
    "10.213.0.8/29",
    "10.213.0.16/29",
    "10.213.0.24/29",
  ]);
  expect([...subnetsOf("10.213.0.0/16")]).toHaveLength(8_192);
  expect([...subnetsOf("10.213.255.0/24")].at(-1)).toBe("10.213.255.248/29");
});

import { DEFAULT_LEASE_MS } from "@cronium/protocol/limits";
import { test } from "vitest";
import { parseConfig } from "./config.ts";

const secret = "s".repeat(32);
const needed = { AUTH_SECRET: secret, LOG_TOKEN_KEY: secret };

test("two secrets suffice; everything else has a default", ({ expect }) => {
  expect(parseConfig(needed)).toMatchObject({ publicUrl: "", launcherKey: null, leaseMs: DEFAULT_LEASE_MS });
});

test("every wrong setting is named at once, and no secret is shown", ({ expect }) => {
  const bad = { AUTH_SECRET: "hunter2", PUBLIC_URL: "nowhere", LEASE_MS: "soon", REGISTRATION: "open" };
  expect(() => parseConfig(bad)).toThrow(/AUTH_SECRET/);
  try {
    parseConfig(bad);
  } catch (error) {
    const message = String(error);
    for (const name of ["LOG_TOKEN_KEY", "PUBLIC_URL", "LEASE_MS", "REGISTRATION"]) {
      expect(message).toContain(name);
    }
    expect(message).not.toContain("hunter2");
  }
});

test("leases below the floor need to be asked for", ({ expect }) => {
  expect(() => parseConfig({ ...needed, LEASE_MS: "2000" })).toThrow(/LEASE_MS/);
  expect(parseConfig({ ...needed, LEASE_MS: "2000", SHORT_LEASES: "yes" }).leaseMs).toBe(2_000);
});

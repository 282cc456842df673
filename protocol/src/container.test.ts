import { describe, test } from "vitest";
import { isHostAllowed, readAllowedHost } from "./allowed-host.ts";
import { Container, ContainerSettings } from "./container.ts";
import { containerDefaults, containerOf, hasContainerSettings } from "./container-defaults.ts";

test("the defaults are settings themselves", ({ expect }) => {
  expect(Container.parse(containerDefaults)).toEqual(containerDefaults);
});

test("what an event leaves out is filled in, and nothing else changes", ({ expect }) => {
  expect(containerOf({})).toEqual(containerDefaults);
  expect(containerOf({ container: {} })).toEqual(containerDefaults);
  expect(containerOf({ container: { cpus: 0.5, image: undefined } })).toEqual({ ...containerDefaults, cpus: 0.5 });
  expect([{}, { container: {} }, { container: { cpus: 1 } }].map(hasContainerSettings)).toEqual([false, false, true]);
});

test("B19 settings that cannot be are refused by field", ({ expect }) => {
  const wrong: [keyof Container, unknown][] = [
    ["image", "-v /:/x"],
    ["image", "img;rm"],
    ["image", "img@sha256:12"],
    ["pull", "sometimes"],
    ["cpus", 0],
    ["cpus", 65],
    ["pids", 15],
    ["files", 1.5],
    ["tmpMb", 0],
    ["diskMb", 8],
    ["network", "none"],
    ["network", { mode: "host" }],
    ["network", { mode: "none", hosts: [] }],
    ["network", { mode: "allowlist", hosts: [] }],
    ["network", { mode: "allowlist", hosts: ["*"] }],
    ["keepFailedMs", 86_400_001],
    ["logCapMb", 0],
    ["packages", ["--registry=http://example.org"]],
    ["packages", ["../escape"]],
    ["executor", "host"],
    ["egressKbps", 1],
  ];
  for (const [field, value] of wrong) {
    const result = ContainerSettings.safeParse({ [field]: value });
    expect(result.error?.issues[0]?.path[0], `${field} ${JSON.stringify(value)}`).toBe(field);
  }
  expect(ContainerSettings.safeParse({ privileged: true }).success).toBe(false);
});

describe("allowed hosts", () => {
  test.for([
    "example.com",
    "EXAMPLE.com:8443",
    "*.example.com",
    "*.s3.eu-west-1.example.com:443",
    "localhost:3000",
    "192.0.2.7",
    "[2001:db8::7]:443",
    "_dmarc.example.com",
  ])("%s is a rule", (rule, { expect }) => {
    expect(readAllowedHost(rule)).not.toBeNull();
  });

  test.for([
    "",
    "*",
    "*.*.com",
    "a.*.com",
    "http://example.com",
    "example.com/path",
    "example.com:0",
    "example.com:65536",
    "user@example.com",
    "example..com",
    "-a.com",
    "a b.com",
    "999.1.1.1",
    "2130706433",
    "127.1",
    "[::zz]",
    "::1",
    "exämple.com",
    "a.com\n",
    `${"a".repeat(64)}.com`,
    "a.".repeat(50_000),
  ])("%j is none", (rule, { expect }) => {
    expect(readAllowedHost(rule)).toBeNull();
  });

  test("a rule lets through what it names and nothing beside it", ({ expect }) => {
    const cases: [string, string, number, boolean][] = [
      ["example.com", "Example.COM.", 443, true],
      ["example.com", "example.com", 80, true],
      ["example.com", "example.com", 8080, false],
      ["example.com", "www.example.com", 443, false],
      ["example.com", "example.com.evil.org", 443, false],
      ["*.example.com", "a.b.example.com", 443, true],
      ["*.example.com", "example.com", 443, false],
      ["*.example.com", "evilexample.com", 443, false],
      ["*.example.com", ".example.com", 443, false],
      ["example.com:8443", "example.com", 8443, true],
      ["example.com:8443", "example.com", 443, false],
      ["[2001:db8::7]", "2001:db8::7", 443, true],
    ];
    for (const [text, host, port, allowed] of cases) {
      const rule = readAllowedHost(text);
      expect(rule !== null && isHostAllowed(rule, host, port), `${text} ${host}:${port}`).toBe(allowed);
    }
  });
});

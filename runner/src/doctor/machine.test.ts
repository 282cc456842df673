import { describe, test } from "vitest";
import { unreachableEngine } from "./engine.ts";
import { diskFinding, nodeFinding } from "./machine.ts";

describe("B48 the machine", () => {
  test.for([
    ["22.11.9", false],
    ["20.20.2", false],
    ["22.12.0", true],
    ["24.1.0", true],
  ] as const)("Node.js %s is good enough: %s", ([version, ok], { expect }) => {
    const finding = nodeFinding(version);

    expect(finding.ok).toBe(ok);
    expect(finding.what).toContain(version);
    expect(finding.fix === "").toBe(ok);
  });

  test("less than 1 GB is too little disk", async ({ expect }) => {
    expect(await diskFinding("/data", () => Promise.resolve(999_999_999))).toMatchObject({ ok: false, level: "fix" });
    expect(await diskFinding("/data", () => Promise.resolve(1_000_000_000))).toMatchObject({ ok: true, fix: "" });
  });
});

describe("B48 an engine that this user may not use", () => {
  test("is told apart from one that is not there", ({ expect }) => {
    const address = { socketPath: "/var/run/docker.sock" };
    const denied = unreachableEngine(address, Object.assign(new Error("connect EACCES"), { code: "EACCES" }));
    const absent = unreachableEngine(address, Object.assign(new Error("connect ENOENT"), { code: "ENOENT" }));

    expect(denied.fix).toContain("usermod -aG docker");
    expect(absent.fix).toContain("apt-get install docker.io");
  });
});

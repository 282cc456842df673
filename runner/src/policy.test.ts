import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { EventDefinitionInput, type Job } from "@cronium/protocol";
import { ExitError } from "./base/exit-error.ts";
import { applyPolicy, emptyPolicy, loadPolicy, type PolicyVerdict } from "./policy.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-policy-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function job(
  mounts: Job["definition"]["mounts"],
  workspaceId = "ws_1",
  container: Job["definition"]["container"] = {},
): Job {
  return {
    runId: "run_1",
    attempt: 1,
    eventId: null,
    eventName: "x",
    eventVersion: null,
    workspaceId,
    trigger: "api",
    queuedAt: 0,
    definition: EventDefinitionInput.parse({ runtime: "bash", script: "true", mounts, container }),
    input: null,
  };
}

function verdictOf(yaml: string, asked: Job): PolicyVerdict {
  const path = join(folder, "policy.yaml");
  writeFileSync(path, yaml);
  return applyPolicy(loadPolicy([path], true), asked);
}

function refusal(yaml: string): ExitError {
  const path = join(folder, "policy.yaml");
  writeFileSync(path, yaml);
  try {
    loadPolicy([path], true);
  } catch (error) {
    if (error instanceof ExitError) {
      return error;
    }
  }
  throw new Error("the policy was accepted");
}

describe("T9 the local policy", () => {
  test("lets scripts have packages only from the indexes that it names", ({ expect }) => {
    const asked = job([]);
    const header = '# /// script\n# dependencies = ["rich"]\n# ///\n';
    const named = (runtime: "python" | "node", script: string): Job => ({
      ...asked,
      definition: {
        ...asked.definition,
        runtime,
        script,
        ...(runtime === "node" ? { container: { packages: ["zod@^4"] } } : {}),
      },
    });
    const index = "packages: {python: 'https://pypi.example.com/simple'}";
    expect(verdictOf(index, named("python", header))).toMatchObject({ ok: true });
    expect(verdictOf("{}", named("python", "print(1)"))).toMatchObject({ ok: true });
    expect(verdictOf("{}", named("python", header))).toMatchObject({
      ok: false,
      message: expect.stringMatching(/packages \(rich\).*policy\.yaml names no index.*packages: \{python: /u),
    });
    expect(verdictOf(index, named("node", "0"))).toMatchObject({
      ok: false,
      message: expect.stringContaining("zod@^4"),
    });
    const broken = '# /// script\n# dependencies = ["../here"]\n# ///\n';
    expect(verdictOf(index, named("python", broken))).toMatchObject({
      ok: false,
      message: expect.stringContaining("not a package with versions"),
    });
  });

  test("takes indexes by https, or on this machine", ({ expect }) => {
    expect(refusal("packages: {python: 'http://pypi.example.com/simple'}").message).toContain("https://");
    expect(refusal("packages: {node: 'ftp://x'}").message).toContain("https://");
    expect(verdictOf("packages: {node: 'http://127.0.0.1:4873'}", job([]))).toMatchObject({ ok: true });
  });

  test("allows jobs without mounts when there is no file, and denies every mount", ({ expect }) => {
    expect(loadPolicy([join(folder, "none.yaml")], false)).toEqual(emptyPolicy);
    expect(applyPolicy(emptyPolicy, job([]))).toEqual({ ok: true, mounts: [] });
    expect(applyPolicy(emptyPolicy, job([{ name: "data", target: "/data" }]))).toMatchObject({ ok: false });
  });

  test("allows the built-in images, no network and the proxy, until it says otherwise", ({ expect }) => {
    const asks = (yaml: string, container: Job["definition"]["container"]): PolicyVerdict =>
      verdictOf(yaml, job([], "ws_1", container));
    const allowlist = { network: { mode: "allowlist" as const, hosts: ["example.com"] } };
    expect(asks("{}", allowlist)).toMatchObject({ ok: true });
    expect(asks("networks: [none]", allowlist)).toMatchObject({
      message: expect.stringMatching(/network mode allowlist is not allowed by .*policy.yaml. Allowed are: none/),
    });
    expect(asks("{}", { network: { mode: "bridge" } })).toMatchObject({ ok: false });
    expect(asks("networks: [bridge]", { network: { mode: "bridge" } })).toMatchObject({ ok: true });
    expect(asks("networks: [bridge]", {})).toMatchObject({ ok: false });
    expect(asks("{}", { image: "ghcr.io/team/app:1" })).toMatchObject({
      message: expect.stringContaining("a pattern such as ghcr.io/team/*"),
    });
    expect(asks("images: ['ghcr.io/team/*']", { image: "ghcr.io/team/app:1" })).toMatchObject({ ok: true });
  });

  test.for([
    ["networks: [host]", "networks"],
    ["images: ['a b']", "images"],
    ["hosts: ['*']", "hosts"],
    ["privateRanges: [10.0.0.0]", "privateRanges"],
    ["privateRanges: [10.0.0.0/33]", "privateRanges"],
    ["registries: {ghcr.io: {user: ci, password: secret}}", "registries"],
    ["registries: {ghcr.io: {user: ci, passwordFile: secret}}", "absolute"],
  ])("names what is wrong with %s", ([yaml, where], { expect }) => {
    expect(refusal(yaml ?? "").message).toContain(where);
  });

  test("turns names into folders, read-only by default, with links followed", ({ expect }) => {
    mkdirSync(join(folder, "real"));
    symlinkSync(join(folder, "real"), join(folder, "link"));

    const verdict = verdictOf(
      `mounts:\n  in: {path: ${folder}/link}\n  out: {path: ${folder}/real, mode: rw}\n`,
      job([
        { name: "in", target: "/in" },
        { name: "out", target: "/out" },
      ]),
    );

    expect(verdict).toEqual({
      ok: true,
      mounts: [
        { source: join(folder, "real"), target: "/in", readOnly: true },
        { source: join(folder, "real"), target: "/out", readOnly: false },
      ],
    });
  });

  test("names the mount it denies, and is not fooled by names every object has", ({ expect }) => {
    for (const name of ["gone", "constructor", "tostring"]) {
      const verdict = verdictOf(`mounts: {gone: {path: ${folder}/nowhere}}`, job([{ name, target: "/data" }]));
      expect(verdict).toMatchObject({ ok: false, message: expect.stringContaining(`"${name}"`) as string });
    }
  });

  test("lets only the workspaces run that it names", ({ expect }) => {
    const yaml = "workspaces: [ws_1]";

    expect(verdictOf(yaml, job([], "ws_1"))).toMatchObject({ ok: true });
    expect(verdictOf(yaml, job([], "ws_2"))).toMatchObject({
      ok: false,
      message: expect.stringContaining("ws_2") as string,
    });
  });

  test.for([
    ["a relative path", "mounts: {a: {path: data}}", "absolute"],
    ["an unknown mode", "mounts: {a: {path: /srv, mode: rwx}}", "mode"],
    ["an unknown field", "mounts: {a: {path: /srv, uid: 0}}", "uid"],
    ["an unknown section", "privileged: true", "privileged"],
    ["the whole machine", "mounts: {a: {path: /}}", "whole machine"],
    ["the Docker socket", "mounts: {a: {path: /var/run/docker.sock}}", "whole machine"],
    ["the kernel", "mounts: {a: {path: /proc/1}}", "whole machine"],
    ["broken YAML", "mounts: {a: [", "not valid"],
  ] as const)("refuses %s, naming file and fault", ([, yaml, text], { expect }) => {
    const error = refusal(yaml);

    expect(error.code).toBe(2);
    expect(error.message).toContain("policy.yaml");
    expect(error.message).toContain(text);
  });

  test("refuses to start when the file asked for is not there", ({ expect }) => {
    expect(() => loadPolicy([join(folder, "none.yaml")], true)).toThrow("none.yaml");
  });
});

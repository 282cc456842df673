/** The pages of the SDKs and of the runtime API: every example is a whole script that runs, and the table of conformance is current. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { Runtime } from "@cronium/protocol";
import { run } from "./container.ts";
import { matrix, writtenMatrix } from "./matrix.ts";
import { type Sidecar, startSidecar } from "./sidecar.ts";

const SDK = join(import.meta.dirname, "..");
const DOCS = join(SDK, "../docs");

interface Page {
  readonly runtime: Runtime;
  readonly fence: string;
  readonly file: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly examples: number;
}

const PAGES: Readonly<Record<string, Page>> = {
  "sdk/python": {
    runtime: "python",
    fence: "python",
    file: "main.py",
    command: ["python3"],
    env: { PYTHONPATH: join(SDK, "python") },
    examples: 4,
  },
  "sdk/node": {
    runtime: "node",
    fence: "ts",
    file: "main.ts",
    command: [process.execPath, "--import", join(import.meta.dirname, "resolve-sdk.ts")],
    env: {},
    examples: 4,
  },
  "sdk/bash": {
    runtime: "bash",
    fence: "bash",
    file: "main.sh",
    command: ["bash"],
    env: { BASH_ENV: join(SDK, "bash/cronium.sh") },
    examples: 4,
  },
  "runtime-api": { runtime: "bash", fence: "sh", file: "main.sh", command: ["bash"], env: {}, examples: 2 },
};

interface Example {
  readonly line: number;
  readonly code: string;
  /** What it prints; nothing where the page shows nothing. */
  readonly prints: string;
}

function examplesOf(page: string, fence: string): Example[] {
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  return blocks.flatMap((block, index) => {
    const [, kind, code = ""] = block;
    const shown = blocks[index + 1];
    const line = page.slice(0, block.index).split("\n").length;
    return kind === fence ? [{ line, code, prints: shown?.[1] === "text" ? (shown[2] ?? "") : "" }] : [];
  });
}

let sidecar: Sidecar;

beforeAll(async () => {
  sidecar = await startSidecar();
});

afterAll(async () => {
  await sidecar.stop();
});

for (const [name, { runtime, fence, file, command, env, examples: least }] of Object.entries(PAGES)) {
  describe(`docs/${name}.md`, () => {
    const examples = examplesOf(readFileSync(join(DOCS, `${name}.md`), "utf8"), fence);

    test("has examples", ({ expect }) => {
      expect(examples.length).toBeGreaterThanOrEqual(least);
    });

    test.concurrent.for(examples)(
      "the example in line $line prints what it says",
      async ({ code, prints }, { expect }) => {
        const folder = mkdtempSync(join(tmpdir(), "cronium-docs-"));
        try {
          writeFileSync(join(folder, file), code);
          const job = await sidecar.bind({
            runtime,
            script: code,
            input: { name: "Ada" },
          });
          const [program = "", ...args] = command;
          const ended = await run(program, [...args, file], {
            cwd: folder,
            env: { PATH: process.env["PATH"] ?? "", LANG: "C.UTF-8", ...env, ...job.env },
          });
          await sidecar.close(job);
          expect(ended).toEqual({ code: 0, stdout: prints, stderr: "" });
          if (code.includes("Hello")) {
            expect(job.outputs).toEqual([{ greeting: "Hello Ada" }]);
          }
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      },
    );
  });
}

test("docs/sdk/conformance.md is current; `node runtime-sdk/conformance/matrix.ts` writes it", ({ expect }) => {
  expect(writtenMatrix()).toBe(matrix());
});

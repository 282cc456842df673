/** The pages of the SDKs: every example is a whole script that runs, and the table of conformance is current. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { run } from "./container.ts";
import { matrix, writtenMatrix } from "./matrix.ts";
import { type Sidecar, startSidecar } from "./sidecar.ts";

const SDK = join(import.meta.dirname, "..");
const DOCS = join(SDK, "../docs/sdk");

const PAGES = {
  python: { fence: "python", file: "main.py", command: ["python3"], env: { PYTHONPATH: join(SDK, "python") } },
  node: {
    fence: "ts",
    file: "main.ts",
    command: [process.execPath, "--import", join(import.meta.dirname, "resolve-sdk.ts")],
    env: {},
  },
  bash: { fence: "bash", file: "main.sh", command: ["bash"], env: { BASH_ENV: join(SDK, "bash/cronium.sh") } },
} as const;

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

for (const [runtime, { fence, file, command, env }] of Object.entries(PAGES)) {
  describe(`docs/sdk/${runtime}.md`, () => {
    const examples = examplesOf(readFileSync(join(DOCS, `${runtime}.md`), "utf8"), fence);

    test("has examples", ({ expect }) => {
      expect(examples.length).toBeGreaterThanOrEqual(4);
    });

    test.concurrent.for(examples)(
      "the example in line $line prints what it says",
      async ({ code, prints }, { expect }) => {
        const folder = mkdtempSync(join(tmpdir(), "cronium-docs-"));
        try {
          writeFileSync(join(folder, file), code);
          const job = await sidecar.bind({
            runtime: runtime as keyof typeof PAGES,
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

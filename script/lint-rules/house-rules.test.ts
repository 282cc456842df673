import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { runCommand } from "../command.ts";
import { createScratch, type Scratch } from "../import-rule/scratch.ts";

const OXLINT = join(import.meta.dirname, "..", "..", "node_modules", ".bin", "oxlint");

/** For each rule of the house: where it holds, and code that breaks it. */
const BROKEN: readonly (readonly [rule: string, file: string, code: string])[] = [
  ["typescript(no-floating-promises)", "runner/src/run/a.ts", "export function a() { Promise.resolve(1); }"],
  ["typescript(no-misused-promises)", "runner/src/run/b.ts", "export const b = (f: Promise<boolean>) => (f ? 1 : 2);"],
  [
    "typescript(switch-exhaustiveness-check)",
    "runner/src/run/c.ts",
    'export function c(x: "a" | "b") { switch (x) { case "a": return 1; } return 2; }',
  ],
  ["typescript(no-explicit-any)", "runner/src/run/d.ts", "export const d = (x: any) => x;"],
  ["typescript(no-non-null-assertion)", "runner/src/run/e.ts", "export const e = (x?: string) => x!;"],
  [
    "typescript(consistent-type-imports)",
    "runner/src/run/f.ts",
    'import { Server } from "node:net";\nexport const f = (x: Server) => x;',
  ],
  [
    "eslint(preserve-caught-error)",
    "runner/src/run/g.ts",
    'export function g() { try { f(); } catch (error) { throw new Error("no"); } }\ndeclare function f(): void;',
  ],
  ["import(no-default-export)", "runner/src/run/h.ts", "export default 1;"],
  ["eslint(no-console)", "runner/src/run/i.ts", "console.log(1);"],
  ["unicorn(prefer-node-protocol)", "runner/src/run/j.ts", 'export { join } from "path";'],
  ["eslint(curly)", "runner/src/run/k.ts", "export function k(x: boolean) { if (x) return 1; return 2; }"],
  ["eslint(eqeqeq)", "runner/src/run/l.ts", "export const l = (x: string) => x == 'a';"],
  ["eslint(max-lines)", "runner/src/run/m.ts", `export const m = [\n${"  0,\n".repeat(400)}];`],
  ["vitest(no-focused-tests)", "runner/src/run/n.test.ts", 'import { test } from "vitest";\ntest.only("n", () => {});'],
  ["eslint(no-restricted-properties)", "control-plane/src/domain/o.ts", "export const o = Date.now();"],
  ["eslint(no-restricted-properties)", "control-plane/src/domain/p.ts", "export const p = Math.random();"],
  ["eslint(no-restricted-globals)", "control-plane/src/domain/q.ts", 'export const q = fetch("x");'],
  ["eslint(no-restricted-globals)", "control-plane/src/domain/r.ts", "export const r = process.env;"],
  ["cronium(no-bare-date)", "control-plane/src/domain/s.ts", "export const s = new Date();"],
  [
    "cronium(no-joined-command)",
    "runner/src/run/t.ts",
    'import { execSync } from "node:child_process";\nexport const t = (x: string) => execSync(`ls ${x}`);',
  ],
  ["cronium(disable-needs-reason)", "runner/src/run/u.ts", "// oxlint-disable-next-line no-console\nconsole.log(1);"],
];

describe("the linter", () => {
  let scratch: Scratch;
  let found: Map<string, string[]>;

  beforeAll(async () => {
    scratch = createScratch({ typeAware: true });
    for (const [, file, code] of BROKEN) {
      scratch.write(file, `${code}\n`);
    }
    scratch.write("protocol/src/index.ts", "export const nothing = 0;\n");
    scratch.write("control-plane/src/http/routes/v.ts", "export default 1;\n");
    scratch.write("control-plane/src/services/w.ts", "export const w = () => Date.now();\n");
    const args = ["-f", "json", ...BROKEN.map(([, file]) => file)];
    args.push("control-plane/src/http/routes/v.ts", "control-plane/src/services/w.ts");
    const result = await runCommand(OXLINT, args, { cwd: scratch.root });
    const { diagnostics } = JSON.parse(result.stdout) as { diagnostics: { code?: string; filename: string }[] };
    found = new Map();
    for (const { code, filename } of diagnostics) {
      found.set(filename, [...(found.get(filename) ?? []), code ?? ""]);
    }
  }, 60_000);
  afterAll(() => {
    scratch.remove();
  });

  for (const [rule, file] of BROKEN) {
    test(`${rule} is broken by ${file}`, ({ expect }) => {
      expect(found.get(file)).toContain(rule);
    });
  }

  test("lets route modules export by default, and code outside the domain read the clock", ({ expect }) => {
    expect(found.get("control-plane/src/http/routes/v.ts")).toBeUndefined();
    expect(found.get("control-plane/src/services/w.ts")).toBeUndefined();
  });
});

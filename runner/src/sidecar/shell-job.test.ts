import { execFileSync } from "node:child_process";
import { describe, test } from "vitest";
import { shellJob } from "./shell-job.ts";

/** What a real shell makes of it. */
function evaluate(text: string, print: string): string {
  return execFileSync("sh", ["-c", 'eval "$JOB"; eval "$PRINT"'], { env: { JOB: text, PRINT: print } }).toString();
}

describe("T20 a job as shell text", () => {
  test.for([
    "plain",
    "it's",
    "'; echo owned; '",
    "$(echo owned) `echo owned` $HOME",
    'two\nlines\n\n"quoted" \\ back',
    "ünï → 🚀",
    "",
    "'''",
  ])("keeps the value %j whatever it holds", (value, { expect }) => {
    const text = shellJob({ runtime: "bash", script: value, env: { VALUE: value } });

    expect(evaluate(text, 'printf \'%s|%s\' "$VALUE" "$CRONIUM_SCRIPT"')).toBe(`${value}|${value}`);
  });

  test("leaves out a name that is none", ({ expect }) => {
    const text = shellJob({ runtime: "bash", script: "true", env: { "A;echo owned;B": "x", GOOD: "y" } });

    expect(text).not.toContain("owned");
    expect(evaluate(text, 'printf "%s" "$GOOD"')).toBe("y");
  });
});

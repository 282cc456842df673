/** Examples of the pages under docs/, and running them as a reader would: with `cronium` on the path. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./plane.ts";
import type { Ended } from "./program.ts";

/** The blocks of one kind, in the order of the page. `evt_…` stands for the id of an event. */
export function examplesOf(page: string, kind: string, eventId: string): readonly string[] {
  const text = readFileSync(join(ROOT, "docs", `${page}.md`), "utf8");
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  return blocks.flatMap(([, found, code = ""]) => (found === kind ? [code.replaceAll("evt_…", eventId)] : []));
}

const PROGRAMS = {
  sh: ["bash", "-euo", "pipefail", "-c"],
  js: [process.execPath, "--input-type=module", "-e"],
  python: ["python3", "-c"],
} as const;

/** Scripts in `js` find the packages of this repository; those in `sh` run in `folder`. */
export function runExample(
  kind: keyof typeof PROGRAMS,
  code: string,
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  const program = join(bin, "cronium");
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "cli/src/main.ts")}' "$@"\n`);
  chmodSync(program, 0o755);
  const [command, ...args] = PROGRAMS[kind];
  const child = spawn(command, [...args, code], {
    cwd: kind === "js" ? ROOT : folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: `${bin}:${process.env["PATH"] ?? ""}`, HOME: folder, XDG_CONFIG_HOME: join(folder, "config"), ...env },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit) => resolve({ code: exit, stdout, stderr }));
  });
}

/** Programs of this machine that a runner with the right calls: argument lists, never a shell. */
import { execFile } from "node:child_process";

const WITHIN_MS = 30_000;

/** What it printed. Rejects with its name and the last line of what it complained of. */
export function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { timeout: WITHIN_MS }, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
      } else {
        const said = stderr.trim().split("\n").at(-1) ?? "";
        reject(new Error(`${program} failed: ${said === "" ? error.message : said}`, { cause: error }));
      }
    });
  });
}

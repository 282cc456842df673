/** `cronium-runner inspect`: what the runner on this machine knows of a run, and a look into a container it kept. */
import { spawn } from "node:child_process";
import { exitCodes, ExitError } from "../base/exit-error.ts";
import type { Config } from "../config.ts";
import { askRunner } from "../control/client.ts";
import { InspectReport, type KeptContainer } from "../control/messages.ts";
import { columns, show, span } from "./output.ts";

export async function inspectCommand(
  { dataDir }: Config,
  run: string,
  { json, shell }: { readonly json: boolean; readonly shell: boolean },
): Promise<number> {
  const report = InspectReport.parse(await askRunner(dataDir, { type: "inspect", run }));
  if (!shell) {
    show(json, report, () => inspectText(run, report));
    return exitCodes.ok;
  }
  const newest = report.kept.toSorted((a, b) => b.attempt - a.attempt)[0];
  if (newest === undefined) {
    throw new ExitError(
      "usage",
      `No container of ${run} is kept here.`,
      "Give its event container.keepFailedMs; only runs that fail or time out leave theirs.",
    );
  }
  return openShell(newest);
}

function inspectText(run: string, { attempts, running, kept }: InspectReport): string {
  const parts = attempts.map(({ attempt, slot, started, handedOut, result, stopping }) => {
    const job = running.find((one) => one.attempt === attempt);
    const state = job === undefined ? "ended, and its result is on its way" : job.phase;
    const forMs = job?.ranMs ?? null;
    return columns([
      ["run", `${run}, attempt ${attempt}`],
      ["state", forMs === null ? state : `${state} for ${span(forMs)}`],
      ["slot", slot],
      ["started", yes(started)],
      ["has its job", yes(handedOut)],
      ...(stopping === null ? [] : [["stopping", JSON.stringify(stopping)]]),
      ...(result === null ? [] : [["result", JSON.stringify(result)]]),
    ]);
  });
  for (const { attempt, name, id, image, until, look } of kept) {
    parts.push(
      columns([
        ["kept", `attempt ${attempt}, until ${until}`],
        ["container", `${name} (${id.slice(0, 12)})`],
        ["image", image],
      ]),
      look.map(({ what, command }) => `${what}:\n  ${command.map(quoted).join(" ")}`).join("\n"),
    );
  }
  return parts.join("\n\n");
}

function yes(is: boolean): string {
  return is ? "yes" : "no";
}

/** For a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

async function openShell({ look }: KeptContainer): Promise<number> {
  const [program = "docker", ...args] = look.find(({ command }) => command[1] === "run")?.command ?? [];
  // Docker wants a terminal for -t; without one the commands come from stdin.
  const given = process.stdin.isTTY ? args : args.map((arg) => (arg === "-it" ? "-i" : arg));
  const child = spawn(program, given, { stdio: "inherit" });
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit) => resolve(exit ?? exitCodes.internal));
  }).catch((cause: unknown) => {
    throw new ExitError("internal", `The program ${program} could not be started.`, "Install Docker's own client.", {
      cause,
    });
  });
  return code;
}

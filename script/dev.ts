/**
 * `npm run dev [-- options of npm start]`: as `npm start`, and each change of the control plane or the dashboard is
 * built and taken into use. The runner keeps running as it was built at the start: jobs may be on it.
 */
import { watch } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { build } from "./build.ts";
import type { TargetName } from "./build/targets.ts";
import { reportToTerminal as say } from "./progress.ts";
import { ROOT } from "./repository.ts";
import { readOptions } from "./start/options.ts";

/** Editors write a file in several steps. */
const SETTLE_MS = 150;
const WATCHED: readonly { readonly folder: string; readonly targets: readonly TargetName[] }[] = [
  { folder: "control-plane/src", targets: ["worker"] },
  { folder: "control-plane/launcher/services", targets: ["services"] },
  { folder: "protocol/src", targets: ["worker", "services", "site"] },
  { folder: "web/src", targets: ["site"] },
  { folder: "migrations", targets: ["worker"] },
];

const args = process.argv.slice(2);
const options = readOptions(args);
const start = spawn(process.execPath, [join(ROOT, "script/start.ts"), ...args], { stdio: "inherit" });
start.on("exit", (code) => process.exit(code ?? 1));
// The terminal sends Ctrl-C to both; this process ends with the other one.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => signal === "SIGTERM" && start.kill(signal));
}

const pending = new Set<TargetName>();
let timer: NodeJS.Timeout | undefined;
let building: Promise<void> = Promise.resolve();

if (options !== "help") {
  const { data } = options;
  for (const { folder, targets } of WATCHED) {
    watch(join(ROOT, folder), { recursive: true }, () => {
      targets.forEach((target) => pending.add(target));
      clearTimeout(timer);
      timer = setTimeout(() => {
        building = building.then(() => rebuild(data));
      }, SETTLE_MS);
    });
  }
}

async function rebuild(data: string): Promise<void> {
  const targets = [...pending];
  pending.clear();
  try {
    const results = await build(targets, say);
    if (results.some((result) => result.outcome === "built")) {
      const reload = [join(ROOT, "control-plane/launcher/main.ts"), "reload", "--data", data];
      spawn(process.execPath, reload, { stdio: "inherit" });
    }
  } catch (error) {
    // The last good build goes on running until the next change.
    say(error instanceof Error ? error.message : String(error));
  }
}

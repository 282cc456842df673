/**
 * `npm start`: builds what changed, makes sure of Docker, and runs control plane and runner on this machine until
 * Ctrl-C.
 *
 * The runner stops first, so that its jobs can still report; the control plane stops last.
 */
import { resolve } from "node:path";
import { build } from "./build.ts";
import { ensureDocker } from "./machine.ts";
import { formatMs, reportToTerminal as say, withProgress } from "./progress.ts";
import { openBrowser } from "./start/browser.ts";
import { readOptions, type StartOptions, USAGE } from "./start/options.ts";
import { endOrphanRunner } from "./start/orphan-runner.ts";
import { PlaneFailed, type PlaneProcess, startControlPlane } from "./start/plane-process.ts";
import { ensurePolicy } from "./start/policy.ts";
import { type LocalRunner, startLocalRunner } from "./start/runner-process.ts";
import { seedExamples } from "./start/seed.ts";
import { waitForRunner } from "./start/wait-for-runner.ts";

const RUNNER_NAME = "local";

/** A signal to the whole process group arrives several times: from the terminal, and passed on by npm. */
const SAME_INTERRUPT_MS = 1_000;

/** Ctrl-C and SIGTERM: the first stops in order, the second ends running jobs too, the third leaves everything. */
class Interrupts {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  /** Resolves at the first one. */
  readonly first = new Promise<void>((done) => this.signal.addEventListener("abort", () => done()));
  #onSecond: () => void = () => process.exit(1);

  constructor() {
    let firstAt = 0;
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      process.on(name, () => {
        if (!this.signal.aborted) {
          firstAt = performance.now();
          this.#controller.abort();
        } else if (performance.now() - firstAt > SAME_INTERRUPT_MS) {
          this.#onSecond();
        }
      });
    }
  }

  onSecond(act: () => void): void {
    this.#onSecond = act;
  }
}

async function main(args: readonly string[]): Promise<number> {
  const begin = performance.now();
  const options = readOptions(args);
  if (options === "help") {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const interrupts = new Interrupts();
  const [, docker] = await Promise.all([build(undefined, say), options.runner ? ensureDocker(say) : undefined]);
  if (docker?.ok === false) {
    say(docker.message);
    say("Cronium starts without it; until Docker answers, no runner can take container jobs on this machine.");
  }
  if (interrupts.signal.aborted) {
    return 0;
  }
  const data = resolve(options.data);
  const plane = await startControlPlane({ data, port: options.port, host: options.host, vars: options.vars });
  let runner: LocalRunner | undefined;
  try {
    await seed(plane, data);
    if (options.runner) {
      runner = await bringUpRunner(plane, data, docker?.ok === true, interrupts);
    }
    if (!interrupts.signal.aborted) {
      announce(plane, options, performance.now() - begin);
    }
    return await untilTheEnd(plane, interrupts);
  } finally {
    await stopAll(plane, runner, interrupts);
  }
}

async function seed(plane: PlaneProcess, data: string): Promise<void> {
  const added = await seedExamples(plane, data);
  if (added.length > 0) {
    say(`Added example events: ${added.join(", ")}`);
  }
}

async function bringUpRunner(
  plane: PlaneProcess,
  data: string,
  hasDocker: boolean,
  interrupts: Interrupts,
): Promise<LocalRunner> {
  await endOrphanRunner(data, say);
  const policy = ensurePolicy(data);
  const runner = startLocalRunner({ access: plane, data, policy, name: RUNNER_NAME, say });
  try {
    const outcome = await withProgress(say, "Starting the runner", () =>
      Promise.race([
        waitForRunner(plane, RUNNER_NAME, say, interrupts.signal),
        runner.gaveUp.then(() => "gave up" as const),
        interrupts.first.then(() => "interrupted" as const),
      ]),
    );
    if (outcome === "gave up") {
      say("Cronium goes on without a runner on this machine; add one from the Runners page.");
    } else if (outcome === "online" && hasDocker) {
      say("The runner is connected and waits for Docker.");
    }
  } catch (error) {
    await runner.stop();
    throw error;
  }
  return runner;
}

function announce(plane: PlaneProcess, options: StartOptions, ms: number): void {
  say("");
  say(`  Cronium is ready after ${formatMs(ms)}:  ${plane.url}`);
  if (plane.claimUrl !== null) {
    say(`  Make it yours with this link, which works once:\n\n    ${plane.claimUrl}\n`);
  }
  say(`  From a terminal: npm install --global ${plane.url}/install/cronium.tgz, then cronium --help`);
  say("  Stop with Ctrl-C.");
  say("");
  if (options.open) {
    openBrowser(plane.claimUrl ?? plane.url);
  }
}

async function untilTheEnd(plane: PlaneProcess, interrupts: Interrupts): Promise<number> {
  const why = await Promise.race([interrupts.first, plane.ended.then(() => "ended" as const)]);
  if (why === "ended") {
    say("The control plane ended; stopping. What it said last stands above.");
    return 1;
  }
  return 0;
}

async function stopAll(plane: PlaneProcess, runner: LocalRunner | undefined, interrupts: Interrupts): Promise<void> {
  if (runner !== undefined) {
    say("Stopping: running jobs may finish for 10 s; Ctrl-C again ends them at once.");
    interrupts.onSecond(() => {
      say("Ending running jobs …");
      interrupts.onSecond(() => process.exit(1));
      void runner.stop();
    });
    await runner.stop();
  }
  await plane.stop();
  say("Stopped.");
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // The launcher has said what went wrong; anything else is said here.
  if (!(error instanceof PlaneFailed)) {
    say(error instanceof Error ? error.message : String(error));
  }
  process.exitCode = 1;
}

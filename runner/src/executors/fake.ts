/**
 * Stands in for Docker in scenarios, where what matters is the conversation between runner and control plane. A job
 * steers it by its own environment:
 *
 *   FAKE_EXIT        exit code; default 0
 *   FAKE_SLEEP_MS    how long the job runs; default 0
 *   FAKE_OOM         "1": ends with 137 as if the kernel had killed it for want of memory
 *   FAKE_START_FAIL  "1": cannot be started
 *   FAKE_OUTPUT      JSON, stored as the output of the run
 *   FAKE_LOG_LINES   lines printed to stdout before it ends; default 0
 *   FAKE_IGNORE_TERM "1": goes on after SIGTERM, until the grace is over
 *   FAKE_LEDGER      file to which the job itself appends "<run> <attempt> started" and "… ended"
 *
 * Each job is a process group of its own that outlives the runner, as a container does: it writes its process id and
 * how it ended into `<folder>/<run>-<attempt>/`, where the next runner process finds them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseStrictJson } from "@cronium/protocol";
import { type Clock, settledWithin } from "../base/clock.ts";
import {
  type AdoptRequest,
  ExecutorError,
  type Executor,
  type Exit,
  type SeenBytes,
  type Slot,
  type SlotEvents,
} from "./types.ts";

const SIGTERM_CODE = 143;
const SIGKILL_CODE = 137;
const LOOK_EVERY_MS = 50;
const NOTHING_SEEN: SeenBytes = { stdout: 0, stderr: 0 };

/** Arguments: folder, seconds, exit code, whether it ignores SIGTERM, ledger, what the ledger calls it. */
const JOB = `
cd "$1" && echo $$ >pid.new && mv pid.new pid || exit
end() { echo "$1" >exit.new && mv exit.new exit; exit 0; }
note() { [ -z "$ledger" ] || echo "$name $1" >>"$ledger"; }
seconds=$2 code=$3 ledger=$5 name=$6
if [ "$4" = 1 ]; then trap '' TERM; else trap 'end stopped' TERM; fi
note started
[ "$seconds" = 0 ] || { sleep "$seconds" & wait $!; }
note ended
end "$code"
`;

type Attempt = Pick<AdoptRequest, "runId" | "attempt" | "definition">;

export function makeFakeExecutor(clock: Clock, folder: string): Executor {
  const folderOf = (request: Attempt): string => join(folder, `${request.runId}-${request.attempt}`);
  return {
    name: "fake",
    hasRuntimeApi: false,
    engineVersion: "fake",
    notReady: [],
    slots: { take: (request, events) => new FakeSlot(clock, folderOf(request), request, events) },
    adopt: async (request, events, seen) => {
      const slot = new FakeSlot(clock, folderOf(request), request, events);
      return slot.goOn(seen) ? slot : null;
    },
    open: async () => {},
    check: () => null,
    sweep: async (isLive) => {
      const orphans = existsSync(folder) ? readdirSync(folder).filter((name) => !isLive(...parseName(name), "")) : [];
      for (const name of orphans) {
        signalGroup(processOf(join(folder, name)), "SIGKILL");
        rmSync(join(folder, name), { recursive: true, force: true });
      }
      return orphans.length;
    },
    close: async () => {},
  };
}

function parseName(name: string): [string, number] {
  const cut = name.lastIndexOf("-");
  return [name.slice(0, cut), Number(name.slice(cut + 1))];
}

class FakeSlot implements Slot {
  private readonly clock: Clock;
  private readonly folder: string;
  private readonly request: Attempt;
  private readonly events: SlotEvents;
  private readonly end = Promise.withResolvers<Exit>();
  private readonly drain = Promise.withResolvers<void>();
  private cancelLook = (): void => {};
  /** The process this one started; null for an adopted job. */
  private child: ChildProcess | null = null;
  readonly ready = Promise.resolve();
  readonly exited = this.end.promise;
  readonly drained = this.drain.promise;

  constructor(clock: Clock, folder: string, request: Attempt, events: SlotEvents) {
    this.clock = clock;
    this.folder = folder;
    this.request = request;
    this.events = events;
  }

  async start(): Promise<void> {
    const { env } = this.request.definition;
    if (env["FAKE_START_FAIL"] === "1") {
      throw new ExecutorError("start_failed", "The fake executor was told not to start.");
    }
    mkdirSync(this.folder, { recursive: true });
    this.print(NOTHING_SEEN);
    const child = spawn("sh", ["-c", JOB, "cronium-fake", this.folder, ...this.jobArguments()], {
      detached: true,
      stdio: "ignore",
    });
    this.child = child;
    child.unref();
    await spawned(child);
    child.once("exit", () => this.look());
  }

  /** Takes up a job of an earlier process; false when there is none. */
  goOn(seen: SeenBytes): boolean {
    if (!existsSync(join(this.folder, "pid"))) {
      return false;
    }
    this.print(seen);
    this.cancelLook = this.clock.every(LOOK_EVERY_MS, () => this.look());
    this.look();
    return true;
  }

  async stop(graceMs: number): Promise<void> {
    this.signal("SIGTERM");
    if (!(await settledWithin(this.clock, this.exited, graceMs))) {
      this.signal("SIGKILL");
      await this.exited;
    }
  }

  async remove(): Promise<void> {
    this.signal("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
    this.finish({ code: SIGKILL_CODE, oomKilled: false });
  }

  private signal(signal: NodeJS.Signals): void {
    const { child } = this;
    if (child?.pid === undefined) {
      signalGroup(processOf(this.folder), signal);
    } else if (child.exitCode === null && child.signalCode === null) {
      signalGroup(child.pid, signal);
    }
  }

  private jobArguments(): string[] {
    const { env } = this.request.definition;
    const code = env["FAKE_OOM"] === "1" ? SIGKILL_CODE : Number(env["FAKE_EXIT"] ?? 0);
    const name = `${this.request.runId} ${this.request.attempt}`;
    return [
      String(Number(env["FAKE_SLEEP_MS"] ?? 0) / 1_000),
      String(code),
      env["FAKE_IGNORE_TERM"] ?? "",
      env["FAKE_LEDGER"] ?? "",
      name,
    ];
  }

  private print(seen: SeenBytes): void {
    const lines = Number(this.request.definition.env["FAKE_LOG_LINES"] ?? 0);
    const all = Buffer.from(Array.from({ length: lines }, (_value, index) => `line ${index + 1}\n`).join(""));
    if (all.length > seen.stdout) {
      this.events.bytes("stdout", all.subarray(seen.stdout));
    }
  }

  /** Settles when the job has ended. */
  private look(): void {
    // In this order: a job that ends in between has written its end before it went.
    const alive = processOf(this.folder) !== null;
    const said = readWord(join(this.folder, "exit"));
    if (said === null && alive) {
      return;
    }
    const { env } = this.request.definition;
    if (said === null || said === "stopped") {
      this.finish({ code: said === null ? SIGKILL_CODE : SIGTERM_CODE, oomKilled: false });
      return;
    }
    if (env["FAKE_OUTPUT"] !== undefined) {
      this.events.value(parseStrictJson(env["FAKE_OUTPUT"]));
    }
    this.finish({ code: Number(said), oomKilled: env["FAKE_OOM"] === "1" });
  }

  private finish(exit: Exit): void {
    this.cancelLook();
    this.drain.resolve();
    this.end.resolve(exit);
  }
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => {
      reject(new ExecutorError("start_failed", "The fake executor could not start a process.", { cause: error }));
    });
  });
}

function readWord(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}

/** The job's process, which leads a group; null when it has ended, also where its number is another's by now. */
function processOf(folder: string): number | null {
  const pid = Number(readWord(join(folder, "pid")));
  return pid > 1 && readWord(`/proc/${pid}/cmdline`)?.includes(folder) === true ? pid : null;
}

function signalGroup(pid: number | null, signal: NodeJS.Signals): void {
  if (pid !== null) {
    try {
      process.kill(-pid, signal);
    } catch {
      // It has ended this moment.
    }
  }
}

/** One job without a container, from its folder to its end. */
import { spawn } from "node:child_process";
import { chownSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import * as z from "zod";
import { BootstrapJob, containerOf } from "@cronium/protocol";
import { settledWithin } from "../../base/clock.ts";
import { errorText } from "../../base/log.ts";
import { processStart } from "../../base/process-start.ts";
import type { ProcessExecutorOptions } from "../process.ts";
import { type AdoptRequest, ExecutorError, type Exit, type SeenBytes, type Slot, type SlotEvents } from "../types.ts";
import { jobCommand, jobEnvironment, scriptName } from "./command.ts";
import { OutputFile } from "./output-file.ts";
import { Relay } from "./relay.ts";

const LOOK_EVERY_MS = 50;
const KILLED_WITHIN_MS = 5_000;
const SIGKILL_CODE = 137;
const STREAMS = ["stdout", "stderr"] as const;

const Started = z.object({ pid: z.int(), startedAt: z.string() });

type JobRequest = Omit<AdoptRequest, "again">;
type Ref = Pick<AdoptRequest, "slot" | "runId" | "attempt">;

/** What the runner alone keeps of a job: its output, its process id. */
export function processSlotFolder(folder: string, { runId, attempt, slot }: Ref): string {
  return join(folder, `${runId}~${attempt}~${slot}`);
}

/** The job's own: script, working folder, temporary files, socket. */
function jobFolder({ jobsFolder }: Pick<ProcessExecutorOptions, "jobsFolder">, { slot }: Ref): string {
  return join(jobsFolder, `cronium-${slot}`);
}

export class ProcessSlot implements Slot {
  private readonly options: ProcessExecutorOptions;
  private readonly request: JobRequest;
  private readonly events: SlotEvents;
  private readonly apiSocket: string | null;
  private readonly own: string;
  private readonly job: string;
  private readonly end = Promise.withResolvers<Exit>();
  private readonly drain = Promise.withResolvers<void>();
  private outputs: OutputFile[] = [];
  private relay: Relay | null = null;
  private cancelLook = (): void => {};
  private over = false;
  readonly ready = Promise.resolve();
  readonly exited = this.end.promise;
  readonly drained = this.drain.promise;

  constructor(options: ProcessExecutorOptions, request: JobRequest, events: SlotEvents, apiFolder: string | null) {
    this.options = options;
    this.request = request;
    this.events = events;
    this.apiSocket = apiFolder === null ? null : join(apiFolder, "api.sock");
    this.own = processSlotFolder(options.folder, request);
    this.job = jobFolder(options, request);
    this.exited.catch(() => {});
  }

  /** Ends a job that nobody goes on with, and removes what is left of it. */
  static removeLeftOver(options: ProcessExecutorOptions, ref: Ref): void {
    signalGroup(livePid(processSlotFolder(options.folder, ref)), "SIGKILL");
    rmSync(jobFolder(options, ref), { recursive: true, force: true });
  }

  async start(): Promise<void> {
    const { account, sdk } = this.options;
    const { definition } = this.request;
    try {
      mkdirSync(this.own, { recursive: true, mode: 0o700 });
      for (const folder of [this.job, join(this.job, "work"), join(this.job, "tmp")]) {
        mkdirSync(folder, { mode: 0o700 });
        chownSync(folder, account.uid, account.gid);
      }
      await this.openRelay();
      const job = await this.fetchJob();
      const script = join(this.job, scriptName(job.runtime));
      writeFileSync(script, job.script, { mode: 0o400 });
      chownSync(script, account.uid, account.gid);
      const container = containerOf(definition);
      const [program, args] = jobCommand({
        script,
        exitFile: join(this.job, "exit"),
        profile: { runtime: job.runtime, memoryMb: definition.memoryMb, limits: container },
        root: account.uid === 0,
      });
      const files = STREAMS.map((stream) => openSync(join(this.own, stream), "a", 0o600));
      const child = spawn(program, args, {
        cwd: join(this.job, "work"),
        // A session of its own, so that all of it can be ended at once.
        detached: true,
        stdio: ["ignore", ...files],
        ...(process.getuid?.() === 0 ? { uid: account.uid, gid: account.gid } : {}),
        env: jobEnvironment({
          job,
          home: join(this.job, "work"),
          tmp: join(this.job, "tmp"),
          socket: this.jobSocket,
          user: account.name,
          path: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
          sdk,
        }),
      });
      files.forEach((file) => closeSync(file));
      await new Promise<void>((resolve, reject) => {
        child.once("spawn", resolve);
        child.once("error", reject);
      });
      child.unref();
      const pid = child.pid ?? -1;
      writeFileSync(join(this.own, "pid"), JSON.stringify({ pid, startedAt: processStart(pid) }));
      child.once("exit", () => this.look());
    } catch (error) {
      throw new ExecutorError("start_failed", `The script could not be started: ${errorText(error)}`, { cause: error });
    }
    this.watch({ stdout: 0, stderr: 0 });
  }

  /** Takes up a job of an earlier process; false when nothing of it runs and nobody knows how it ended. */
  goOn(seen: SeenBytes): boolean {
    if (livePid(this.own) === null && this.exitCode() === null) {
      return false;
    }
    void this.openRelay().catch((error: unknown) => {
      this.options.log.warn("process.no_socket", { slot: this.request.slot, problem: errorText(error) });
    });
    this.watch(seen);
    return true;
  }

  async stop(graceMs: number): Promise<void> {
    const { clock } = this.options;
    signalGroup(livePid(this.own), "SIGTERM");
    if (!(await settledWithin(clock, this.exited, graceMs))) {
      signalGroup(livePid(this.own), "SIGKILL");
      if (!(await settledWithin(clock, this.exited, KILLED_WITHIN_MS))) {
        throw new ExecutorError("stuck", "The script's processes could not be ended.");
      }
    }
  }

  async remove(): Promise<void> {
    signalGroup(livePid(this.own), "SIGKILL");
    this.finish(SIGKILL_CODE);
    this.relay?.close();
    rmSync(this.job, { recursive: true, force: true });
    rmSync(this.own, { recursive: true, force: true });
  }

  private get jobSocket(): string {
    return join(this.job, "api.sock");
  }

  private async openRelay(): Promise<void> {
    if (this.apiSocket !== null) {
      this.relay = new Relay(this.apiSocket);
      await this.relay.open(this.jobSocket);
    }
  }

  /** As a container's bootstrap does; the sidecar notes that it was handed out. */
  private async fetchJob(): Promise<BootstrapJob> {
    const { apiSocket } = this;
    if (apiSocket === null) {
      throw new Error("the runtime API is not there");
    }
    const text = await new Promise<string>((resolve, reject) => {
      const request = httpRequest({ socketPath: apiSocket, path: "/v1/job" }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("end", () => {
          if (response.statusCode === 200) {
            resolve(body);
          } else {
            reject(new Error(`the sidecar answered ${response.statusCode}`));
          }
        });
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end();
    });
    return BootstrapJob.parse(JSON.parse(text));
  }

  private watch(seen: SeenBytes): void {
    this.outputs = STREAMS.map(
      (stream) => new OutputFile(join(this.own, stream), seen[stream], (bytes) => this.events.bytes(stream, bytes)),
    );
    this.cancelLook = this.options.clock.every(LOOK_EVERY_MS, () => this.look());
    this.look();
  }

  private look(): void {
    if (this.over) {
      return;
    }
    // In this order: what ends in between has written its end before it went.
    const alive = livePid(this.own) !== null;
    const code = this.exitCode();
    this.outputs.forEach((output) => output.read());
    if (!alive) {
      this.finish(code ?? SIGKILL_CODE);
    }
  }

  private exitCode(): number | null {
    try {
      const code = Number(readFileSync(join(this.job, "exit"), "utf8").trim());
      return Number.isInteger(code) && code >= 0 && code <= 255 ? code : null;
    } catch {
      return null;
    }
  }

  private finish(code: number): void {
    if (!this.over) {
      this.over = true;
      this.cancelLook();
      this.outputs.forEach((output) => {
        output.read();
        output.close();
      });
      // What it left behind in its session must not go on.
      signalGroup(leaderOf(this.own), "SIGKILL");
      this.drain.resolve();
      this.end.resolve({ code, oomKilled: false });
    }
  }
}

function started(own: string): z.infer<typeof Started> | null {
  try {
    return Started.parse(JSON.parse(readFileSync(join(own, "pid"), "utf8")));
  } catch {
    return null;
  }
}

/** The starter's process id while it runs; null when it has ended, also where its number is another's by now. */
function livePid(own: string): number | null {
  const record = started(own);
  const now = record === null ? "" : processStart(record.pid);
  return record !== null && now !== "" && now === record.startedAt ? record.pid : null;
}

/** The group that the starter led, unless its number is another's by now. */
function leaderOf(own: string): number | null {
  const record = started(own);
  const now = record === null ? "" : processStart(record.pid);
  return record === null || (now !== "" && now !== record.startedAt) ? null : record.pid;
}

function signalGroup(pid: number | null, signal: NodeJS.Signals): void {
  if (pid !== null && pid > 1) {
    try {
      process.kill(-pid, signal);
    } catch {
      // It has ended this moment.
    }
  }
}

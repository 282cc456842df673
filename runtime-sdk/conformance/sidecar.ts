/** Drives the runner's real sidecar program as the runner does: over the IPC channel of a child process. */
import { type ChildProcess, fork } from "node:child_process";
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Json, type RunContext, type Runtime, SidecarEvent } from "@cronium/protocol";
import { type BlobStore, type JobPlane, makeJobPlane, type PlaneFault, startBlobStore } from "./plane.ts";

const ENTRY = join(import.meta.dirname, "../../runner/src/sidecar/main.ts");
const ANSWER_MS = 20_000;

export interface JobRequest {
  readonly runtime: Runtime;
  readonly script: string;
  readonly input: Json;
  readonly env?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, Json>>;
  readonly fault?: PlaneFault;
}

export interface BoundJob {
  readonly slot: string;
  /** Folder on this machine that holds `api.sock`. */
  readonly folder: string;
  readonly context: RunContext;
  /** What the script gets besides its own; CRONIUM_API names the socket on this machine. */
  readonly env: Readonly<Record<string, string>>;
  /** Every output that the sidecar asked to store, oldest first. */
  readonly outputs: readonly Json[];
  /** Exit codes that the bootstrap reported. */
  readonly exits: readonly number[];
  /** What the control plane knows of the job. */
  readonly plane: JobPlane;
}

interface OpenJob extends BoundJob {
  readonly request: JobRequest;
  readonly outputs: Json[];
  readonly exits: number[];
  bound: boolean;
  handedOut: boolean;
}

export interface Sidecar {
  /** Opens a slot that waits for its job. */
  readonly open: (request: JobRequest) => Promise<BoundJob>;
  /** Hands the job to its slot. */
  readonly hand: (job: BoundJob) => void;
  /** Opens a slot and hands the job to it at once. */
  readonly bind: (request: JobRequest) => Promise<BoundJob>;
  /** Ends the job: its socket is closed and removed. */
  readonly close: (job: BoundJob) => Promise<void>;
  /** Kills the process at once; calls are refused until `start`. */
  readonly kill: () => Promise<void>;
  /** Starts the process again and hands every open job to it. */
  readonly start: () => Promise<void>;
  /** A token for the job that ends after this time, in seconds. */
  readonly tokenFor: (job: BoundJob, lifeS: number) => string;
  /** Kills the process and removes its folder. */
  readonly stop: () => Promise<void>;
}

/** A token for a run, as the runner makes it; `key` decides whether the sidecar believes it. */
export function executionToken(key: Uint8Array, runId: string, attempt: number, lifeS = 3_600): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const claims = { aud: "cronium-runtime", sub: `${runId}:${attempt}`, jti: randomUUID(), iat: now, exp: now + lifeS };
  const unsigned = `${encode({ alg: "HS256", typ: "cronium-execution+jwt" })}.${encode(claims)}`;
  return `${unsigned}.${createHmac("sha256", key).update(unsigned).digest("base64url")}`;
}

export async function startSidecar(): Promise<Sidecar> {
  const key = randomBytes(32);
  const socketDir = mkdtempSync(join(tmpdir(), "cronium-conformance-"));
  const jobs = new Map<string, OpenJob>();
  const blobs: BlobStore = await startBlobStore();
  let child: ChildProcess | undefined;

  const send = (message: object): void => {
    child?.send(message);
  };
  const next = (wanted: SidecarEvent["type"], slot?: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const from = child;
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        from?.off("message", look);
        from?.off("exit", gone);
        if (error === undefined) {
          resolve();
        } else {
          reject(error);
        }
      };
      const look = (message: unknown): void => {
        const event = SidecarEvent.parse(message);
        if (event.type === wanted && (slot === undefined || ("slot" in event && event.slot === slot))) {
          settle();
        }
      };
      const gone = (): void => settle(new Error(`the sidecar ended before it said ${wanted}`));
      const timer = setTimeout(() => settle(new Error(`the sidecar did not say ${wanted} in time`)), ANSWER_MS);
      from?.on("message", look);
      from?.on("exit", gone);
    });

  const receive = (message: unknown): void => {
    const event = SidecarEvent.parse(message);
    if (event.type === "output") {
      jobs.get(event.slot)?.outputs.push(event.value as Json);
      send({ type: "stored", id: event.id, ok: true });
    } else if (event.type === "token") {
      send({ type: "stored", id: event.id, ok: true });
    } else if (event.type === "exit") {
      jobs.get(event.slot)?.exits.push(event.code);
    } else if (event.type === "handed_out") {
      const job = jobs.get(event.slot);
      if (job !== undefined) {
        job.handedOut = true;
      }
    } else if (event.type === "call") {
      const answered = jobs.get(event.slot)?.plane.answer(event.op, event.key);
      if (answered === null) {
        // Nobody is told; the process dies with the question, and comes back.
        void kill().then(start);
      } else if (answered !== undefined) {
        send({ type: "answer", id: event.id, ...answered });
      }
    }
  };

  const openSlot = async (slot: string): Promise<void> => {
    const opened = next("opened", slot);
    send({ type: "open", slot });
    await opened;
  };
  const bindSlot = (job: OpenJob): void => {
    const { runtime, script, input, secrets = {}, variables = {} } = job.request;
    // Inside a container the socket's folder is mounted at the default place.
    const env = { ...job.env, CRONIUM_API: "unix:///run/cronium/api.sock" };
    const { slot, context, handedOut } = job;
    const bound = { runtime, script, env };
    const handed = { secrets, variables };
    send({
      type: "bind",
      slot,
      attempt: context.attempt,
      job: bound,
      input,
      ...handed,
      context,
      handedOut,
      calls: true,
    });
  };

  const start = async (): Promise<void> => {
    child = fork(ENTRY, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    child.on("message", receive);
    await next("ready");
    send({ type: "configure", key: key.toString("base64url"), socketDir, planeUrl: blobs.url });
    for (const job of jobs.values()) {
      await openSlot(job.slot);
      if (job.bound) {
        bindSlot(job);
      }
    }
  };
  const kill = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending !== undefined && ending.exitCode === null && ending.signalCode === null) {
      const ended = new Promise((resolve) => ending.once("exit", resolve));
      ending.kill("SIGKILL");
      await ended;
    }
  };
  const open = async (request: JobRequest): Promise<OpenJob> => {
    const slot = `s${jobs.size}-${randomUUID().slice(0, 8)}`;
    const context = contextOf(slot);
    const folder = join(socketDir, slot);
    const env = {
      ...request.env,
      CRONIUM_RUN_ID: context.runId,
      CRONIUM_EVENT: context.eventName,
      CRONIUM_ATTEMPT: String(context.attempt),
      CRONIUM_API: `unix://${folder}/api.sock`,
      CRONIUM_TOKEN: executionToken(key, context.runId, context.attempt),
      CI: "true",
    };
    const job: OpenJob = {
      slot,
      folder,
      context,
      env,
      request,
      outputs: [],
      exits: [],
      plane: makeJobPlane(blobs, request.variables ?? {}, request.fault),
      bound: false,
      handedOut: false,
    };
    jobs.set(slot, job);
    await openSlot(slot);
    return job;
  };
  const hand = (job: BoundJob): void => {
    const known = jobs.get(job.slot);
    if (known === undefined) {
      throw new Error(`slot ${job.slot} is not open`);
    }
    known.bound = true;
    bindSlot(known);
  };
  await start();
  return {
    start,
    kill,
    open,
    hand,
    bind: async (request) => {
      const job = await open(request);
      hand(job);
      return job;
    },
    close: async (job) => {
      const closed = next("closed", job.slot);
      send({ type: "close", slot: job.slot });
      await closed;
      jobs.delete(job.slot);
    },
    tokenFor: ({ context: { runId, attempt } }, lifeS) => executionToken(key, runId, attempt, lifeS),
    stop: async () => {
      await kill();
      await blobs.close();
      rmSync(socketDir, { recursive: true, force: true });
    },
  };
}

function contextOf(slot: string): RunContext {
  return {
    runId: `run_${slot}`,
    attempt: 2,
    eventId: "evt_conformance",
    eventName: 'Größe "prüfen" 🫖',
    eventVersion: 7,
    workspaceId: "ws_conformance",
    trigger: "api",
    runnerName: "conformance",
    queuedAt: "2026-03-09T10:00:00.000Z",
    startedAt: "2026-03-09T10:00:01.500Z",
    timeoutMs: 3_600_000,
    memoryMb: 512,
  };
}

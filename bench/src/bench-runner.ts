/**
 * A runner that speaks the real protocol and executes nothing: what a job costs before any container is involved.
 * It registers, signs its connect, accepts what it is offered and, unless told otherwise, reports success at once.
 */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import {
  connectMessage,
  PROTOCOL_VERSION,
  ServerMessage,
  type AttemptRef,
  type RunnerMessage,
} from "@cronium/protocol";
import WebSocket from "ws";
import type { Plane } from "./plane.ts";
import { within } from "./wait.ts";

export interface BenchRunner {
  /** Resolves with the moment (performance.now) at which the job of this run arrived here. */
  jobArrival(runId: string): Promise<number>;
  /** How often each attempt was offered and how many results were acknowledged. */
  readonly offered: ReadonlyMap<string, number>;
  readonly finished: ReadonlySet<string>;
  close(): void;
}

const PLATFORM = {
  os: "linux",
  arch: "x64",
  hostname: "bench",
  node: process.version,
  docker: null,
  cpus: 2,
  memoryMb: 1_024,
};

export type Grant = Extract<ServerMessage, { type: "granted" }>["grants"][number];
export type Send = (message: RunnerMessage) => void;

/** What becomes of jobs that were granted; `send` speaks to the control plane. */
export type Work = (grants: readonly Grant[], send: Send) => void;

export async function connectBenchRunner(plane: Plane, slots: number, work: Work = finishAtOnce): Promise<BenchRunner> {
  const key = generateKeyPairSync("ed25519");
  const { token } = await plane.call("POST", "/registration-tokens", {});
  const { runnerId } = await plane.call("POST", "/runner/register", {
    token,
    name: `bench-${randomBytes(4).toString("hex")}`,
    publicKey: key.publicKey.export({ format: "jwk" }).x,
    version: "bench",
    protocol: PROTOCOL_VERSION,
    platform: PLATFORM,
  });
  const socket = new WebSocket(
    `${plane.url.replace("http", "ws")}/api/v1/runner/connect?runnerId=${runnerId}&protocol=${PROTOCOL_VERSION}`,
  );
  return within("the bench runner to be welcomed", 15_000, serve(socket, runnerId, key.privateKey, slots, work));
}

/** The frame that ends a job well. */
export function succeeded({ runId, attempt }: AttemptRef): RunnerMessage {
  const nothing = { failReason: null, message: null, signal: null, output: null };
  return { type: "exited", runId, attempt, result: { outcome: "succeeded", exitCode: 0, durationMs: 0, ...nothing } };
}

function finishAtOnce(grants: readonly Grant[], send: Send): void {
  for (const { runId, attempt } of grants) {
    send({ type: "started", runId, attempt });
    send(succeeded({ runId, attempt }));
  }
  send({
    type: "done",
    jobs: grants.map(({ runId, attempt }) => ({ runId, attempt, logBytes: 0, logState: "complete" })),
  });
}

function serve(socket: WebSocket, runnerId: string, key: KeyObject, slots: number, work: Work): Promise<BenchRunner> {
  const arrivals = new Map<string, number>();
  const waiters = new Map<string, (at: number) => void>();
  const offered = new Map<string, number>();
  const finished = new Set<string>();
  const epoch = randomBytes(16).toString("hex");
  const send = (message: RunnerMessage): void => socket.send(JSON.stringify(message));
  const runner: BenchRunner = {
    offered,
    finished,
    jobArrival: (runId) => {
      const at = arrivals.get(runId);
      return at === undefined ? new Promise((resolve) => waiters.set(runId, resolve)) : Promise.resolve(at);
    },
    close: () => socket.terminate(),
  };
  return new Promise((resolve, reject) => {
    const pings = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send("ping"), 5_000);
    socket.once("error", reject);
    socket.once("close", (code, reason) => {
      clearInterval(pings);
      reject(new Error(`The control plane closed the bench runner: ${code} ${reason.toString()}`));
    });
    socket.on("message", (bytes: Buffer) => {
      const at = performance.now();
      const text = bytes.toString();
      if (text === "pong") {
        return;
      }
      const message = ServerMessage.parse(JSON.parse(text));
      switch (message.type) {
        case "challenge": {
          const signature = sign(null, Buffer.from(connectMessage(message.nonce, runnerId, epoch)), key);
          send({
            type: "hello",
            protocol: PROTOCOL_VERSION,
            runnerId,
            epoch,
            signature: signature.toString("base64url"),
            version: "bench",
            platform: PLATFORM,
            slots,
            notReady: [],
            held: [],
          });
          break;
        }
        case "welcome":
          socket.send("ping");
          resolve(runner);
          break;
        case "jobs":
          for (const job of message.jobs) {
            const attempt = `${job.runId}:${job.attempt}`;
            offered.set(attempt, (offered.get(attempt) ?? 0) + 1);
            arrivals.set(job.runId, at);
            waiters.get(job.runId)?.(at);
            waiters.delete(job.runId);
          }
          send({ type: "accept", jobs: message.jobs.map(({ runId, attempt }) => ({ runId, attempt })) });
          break;
        case "granted":
          work(message.grants, send);
          break;
        case "ack":
          if (message.of === "done") {
            for (const { runId } of message.jobs) {
              finished.add(runId);
            }
          }
          break;
        case "error":
          reject(new Error(`The control plane answered ${message.code}: ${message.message}`));
          break;
        default:
          break;
      }
    });
  });
}

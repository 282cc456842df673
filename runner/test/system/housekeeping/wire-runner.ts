/** A runner that speaks the protocol and executes nothing: every job it is offered succeeds at once. */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { connectMessage, PROTOCOL_VERSION, type RunnerMessage, ServerMessage } from "@cronium/protocol";
import WebSocket from "ws";
import type { Plane } from "../plane.ts";

export interface WireRunner {
  /** Attempts whose end the control plane has acknowledged. */
  readonly finished: number;
  /** What ended its connection; null while it works. */
  readonly problem: string | null;
  close(): void;
}

const PLATFORM = {
  os: "linux",
  arch: "x64",
  hostname: "wire",
  node: process.version,
  docker: null,
  cpus: 2,
  memoryMb: 1_024,
};
const PING_MS = 2_000;
const success = {
  outcome: "succeeded",
  failReason: null,
  message: null,
  exitCode: 0,
  signal: null,
  output: 1,
  durationMs: 1,
} as const;

export async function connectWireRunner(plane: Plane, slots: number): Promise<WireRunner> {
  const key = generateKeyPairSync("ed25519");
  const registered = await plane.call("POST", "/runner/register", {
    token: await plane.registrationToken(),
    name: `wire-${randomBytes(4).toString("hex")}`,
    publicKey: key.publicKey.export({ format: "jwk" }).x,
    version: "0.1.0",
    protocol: PROTOCOL_VERSION,
    platform: PLATFORM,
  });
  const runnerId = registered.body.runnerId as string;
  const epoch = randomBytes(16).toString("hex");
  const address = `${plane.url.replace("http", "ws")}/api/v1/runner/connect`;
  const socket = new WebSocket(`${address}?runnerId=${runnerId}&protocol=${PROTOCOL_VERSION}`);
  const state = { finished: 0, problem: null as string | null };
  const welcomed = Promise.withResolvers<void>();
  const send = (message: RunnerMessage): void => socket.send(JSON.stringify(message));
  const pings = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send("ping"), PING_MS);
  socket.on("error", (error) => {
    state.problem ??= error.message;
  });
  socket.on("close", (code, reason) => {
    clearInterval(pings);
    state.problem ??= `closed with ${code} ${reason.toString()}`;
    welcomed.reject(new Error(state.problem));
  });
  const receive = (message: ServerMessage): void => {
    switch (message.type) {
      case "challenge": {
        const signature = sign(null, Buffer.from(connectMessage(message.nonce, runnerId, epoch)), key.privateKey);
        const hello = { protocol: PROTOCOL_VERSION, runnerId, epoch, signature: signature.toString("base64url") };
        send({ type: "hello", ...hello, version: "0.1.0", platform: PLATFORM, slots, notReady: [], held: [] });
        return;
      }
      case "welcome":
        welcomed.resolve();
        return;
      case "jobs":
        send({ type: "accept", jobs: message.jobs.map(({ runId, attempt }) => ({ runId, attempt })) });
        return;
      case "granted":
        for (const { runId, attempt } of message.grants) {
          send({ type: "exited", runId, attempt, result: success });
        }
        send({
          type: "done",
          jobs: message.grants.map(({ runId, attempt }) => ({ runId, attempt, logBytes: 0, logState: "complete" })),
        });
        return;
      case "ack":
        state.finished += message.of === "done" ? message.jobs.length : 0;
        return;
      case "error":
        state.problem ??= message.message;
        return;
      default:
    }
  };
  socket.on("message", (bytes: Buffer) => {
    const text = bytes.toString();
    if (text !== "pong") {
      receive(ServerMessage.parse(JSON.parse(text)));
    }
  });
  await welcomed.promise;
  return {
    get finished() {
      return state.finished;
    },
    get problem() {
      return state.problem;
    },
    close: () => socket.terminate(),
  };
}

/** A runner's side of the protocol over the real sockets, steered step by step by a test. */
import { env, exports } from "cloudflare:workers";
import { makeId } from "@cronium/protocol/ids";
import {
  base64url,
  connectMessage,
  encodeLogFrame,
  PROTOCOL_VERSION,
  type AttemptRef,
  type HeldAttempt,
  type Job,
  type JobResult,
  type LogHeader,
  type LogServerMessage,
  type MachineFacts,
  type RunnerMessage,
  type SealingKey,
  type ServerMessage,
  type Transport,
} from "@cronium/protocol";
import { inboxOf, openInbox, type Inbox } from "./inbox.ts";
import { ORIGIN, type Plane } from "./plane.ts";
import { openPolls } from "./poll-socket.ts";

type Of<T extends ServerMessage["type"]> = Extract<ServerMessage, { type: T }>;

export interface FakeRunner {
  readonly runnerId: string;
  readonly name: string;
  readonly key: CryptoKey;
}

export const platform = {
  os: "linux",
  arch: "x64",
  hostname: "test",
  node: "24",
  docker: "27",
  cpus: 2,
  memoryMb: 2_048,
};

/** Registered as a machine would be, minus the token: its credential in D1, itself in the Dispatcher. */
export async function registerFake(
  plane: Plane,
  options: {
    readonly name?: string;
    readonly labels?: Record<string, string>;
    /** It takes one job and leaves for good. */
    readonly ephemeral?: boolean;
  } = {},
): Promise<FakeRunner> {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const raw = new Uint8Array((await crypto.subtle.exportKey("raw", pair.publicKey)) as ArrayBuffer);
  const runnerId = makeId("runner", Date.now(), crypto.getRandomValues(new Uint8Array(10)));
  const name = options.name ?? `runner-${runnerId.slice(-6)}`;
  await (env as unknown as { DB: D1Database }).DB.prepare(
    "INSERT INTO runner_credentials (runner_id, workspace_id, name, public_key, created_at) VALUES (?, ?, ?, ?, ?)",
  )
    .bind(runnerId, plane.workspaceId, name, base64url(raw), Date.now())
    .run();
  const outcome = await plane.dispatcher.registerRunner({
    runnerId,
    name,
    labels: options.labels ?? {},
    version: "0.1.0",
    platform,
    ephemeral: options.ephemeral ?? false,
  });
  if (!outcome.ok) {
    throw new Error(outcome.message);
  }
  return { runnerId, name, key: pair.privateKey };
}

export interface Connection {
  readonly runner: FakeRunner;
  readonly epoch: string;
  readonly inbox: Inbox;
  readonly welcome: Of<"welcome">;
  send(message: RunnerMessage): void;
  next<T extends ServerMessage["type"]>(type: T, filter?: (message: Of<T>) => boolean): Promise<Of<T>>;
  /** The next offered job. */
  job(): Promise<Job>;
  /** Accepts and awaits the grant; the log token. */
  accept(ref: AttemptRef): Promise<string>;
  /** Takes offers until one of them is granted, however late this machine is with its answers. */
  take(): Promise<AttemptRef>;
  /** exited and done, each acknowledged. */
  finish(ref: AttemptRef, result?: Partial<JobResult>, logBytes?: number): Promise<void>;
  /** Stops pinging, as a runner that hangs or lost its network. */
  silence(): void;
  close(): Promise<void>;
}

export const success: JobResult = {
  outcome: "succeeded",
  failReason: null,
  message: null,
  exitCode: 0,
  signal: null,
  output: null,
  durationMs: 5,
};

export function newEpoch(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function dial(runnerId: string, query = `protocol=${PROTOCOL_VERSION}`, headers = {}): Promise<Response> {
  return exports.default.fetch(
    new Request(`${ORIGIN}/api/v1/runner/connect?runnerId=${runnerId}&${query}`, {
      headers: { upgrade: "websocket", ...headers },
    }),
  );
}

export interface ConnectOptions {
  /** Which of the workspace's Dispatchers; its own one by default. */
  readonly shard?: number;
  readonly epoch?: string;
  readonly slots?: number;
  readonly held?: readonly HeldAttempt[];
  /** The key that secrets are sealed to, for this nonce; none by default, as a runner of protocol 1. */
  readonly sealing?: (nonce: string) => Promise<SealingKey>;
  /** The version it speaks; the newest by default. */
  readonly protocol?: number;
  /** What its clock says; without it, it does not say. */
  readonly clock?: () => number;
  /** What it says of its machine; nothing by default. */
  readonly facts?: MachineFacts;
  readonly notReady?: ("docker_down" | "images_missing" | "disk_full")[];
}

/** How fake runners connect; `over-polling.ts` changes it for the files that are imported after it. */
export const link: { transport: Transport } = { transport: "websocket" };

const open = new Set<Connection>();

/** Dials, answers the challenge and awaits the welcome. Pings until it is closed or silenced. */
export async function connect(runner: FakeRunner, options: ConnectOptions = {}): Promise<Connection> {
  const epoch = options.epoch ?? newEpoch();
  const polls = link.transport === "polling";
  const inbox = polls
    ? inboxOf(openPolls(runner.runnerId))
    : openInbox(
        await dial(runner.runnerId, `protocol=${options.protocol ?? PROTOCOL_VERSION}&shard=${options.shard ?? 0}`),
      );
  const { nonce } = await inbox.text<Of<"challenge">>("challenge");
  const send = (message: RunnerMessage): void => inbox.socket.send(JSON.stringify(message));
  send(await makeHello(runner, nonce, epoch, options));
  const welcome = await inbox.text<Of<"welcome">>("welcome");
  const pings = setInterval(
    () => (polls ? send({ type: "renew", id: 0, attempts: [] }) : inbox.socket.send("ping")),
    100,
  );
  const next = <T extends ServerMessage["type"]>(type: T, filter?: (message: Of<T>) => boolean): Promise<Of<T>> =>
    inbox.text<Of<T>>(type as Of<T>["type"], filter);
  const jobs: Job[] = [];
  const connection: Connection = {
    runner,
    epoch,
    inbox,
    welcome,
    send,
    next,
    job: async () => {
      if (jobs.length === 0) {
        jobs.push(...(await next("jobs")).jobs);
      }
      return jobs.shift() as Job;
    },
    accept: async ({ runId, attempt }) => {
      send({ type: "accept", jobs: [{ runId, attempt }] });
      const granted = await next("granted", ({ grants }) => grants.some((grant) => grant.runId === runId));
      return granted.grants[0]?.logToken ?? "";
    },
    take: async () => {
      for (;;) {
        const { runId, attempt } = await connection.job();
        send({ type: "accept", jobs: [{ runId, attempt }] });
        const answer = await inbox.json<Of<"granted"> | Of<"refused">>(
          (message) =>
            message.type === "granted"
              ? message.grants.some((grant) => grant.runId === runId && grant.attempt === attempt)
              : message.type === "refused" && message.runId === runId && message.attempt === attempt,
          "an answer to the accept",
        );
        if (answer.type === "granted") {
          return { runId, attempt };
        }
      }
    },
    finish: async ({ runId, attempt }, result = {}, logBytes = 0) => {
      send({ type: "exited", runId, attempt, result: { ...success, ...result } });
      await next("ack", ({ of, jobs: [ref] }) => of === "exited" && ref?.runId === runId);
      send({ type: "done", jobs: [{ runId, attempt, logBytes, logState: "complete" }] });
      await next("ack", ({ of, jobs: [ref] }) => of === "done" && ref?.runId === runId);
    },
    silence: () => clearInterval(pings),
    close: async () => {
      clearInterval(pings);
      open.delete(connection);
      inbox.socket.close(1000, "test");
      await inbox.closed;
    },
  };
  open.add(connection);
  void inbox.closed.then(() => clearInterval(pings));
  return connection;
}

/** For afterEach: no test leaves a socket or a timer behind. */
export async function closeAll(): Promise<void> {
  await Promise.all([...open].map((connection) => connection.close()));
}

export async function makeHello(
  runner: FakeRunner,
  nonce: string,
  epoch: string,
  options: ConnectOptions = {},
): Promise<Extract<RunnerMessage, { type: "hello" }>> {
  const message = new TextEncoder().encode(connectMessage(nonce, runner.runnerId, epoch));
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", runner.key, message));
  return {
    type: "hello",
    protocol: options.protocol ?? PROTOCOL_VERSION,
    runnerId: runner.runnerId,
    epoch,
    signature: base64url(signature),
    version: "0.1.0",
    platform,
    slots: options.slots ?? 4,
    notReady: options.notReady ?? [],
    held: [...(options.held ?? [])],
    ...(options.sealing === undefined ? {} : { sealing: await options.sealing(nonce) }),
    ...(options.clock === undefined ? {} : { clock: options.clock() }),
    ...(options.facts === undefined ? {} : { facts: options.facts }),
  };
}

export interface LogSocket extends Inbox {
  readonly resume: Extract<LogServerMessage, { type: "resume" }>;
  write(frame: Uint8Array): void;
}

export async function openLog(runId: string, token: string): Promise<LogSocket> {
  const inbox = openInbox(await dialLog(runId, token));
  const resume = await inbox.text<Extract<LogServerMessage, { type: "resume" }>>("resume");
  return { ...inbox, resume, write: (frame) => inbox.socket.send(frame) };
}

export function dialLog(runId: string, token: string): Promise<Response> {
  return exports.default.fetch(
    new Request(`${ORIGIN}/api/v1/runner/logs/${runId}`, {
      headers: { upgrade: "websocket", authorization: `Bearer ${token}` },
    }),
  );
}

/** A frame as the runner makes it. */
export async function makeFrame(
  at: {
    readonly attempt: number;
    readonly seq: number;
    readonly offset: number;
    readonly stream?: LogHeader["stream"];
  },
  text: string | Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const payload = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", payload as Uint8Array<ArrayBuffer>));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return encodeLogFrame({ header: { stream: "stdout", ...at, at: 1_700_000_000_000, sha256 }, payload });
}

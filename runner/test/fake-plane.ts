/**
 * A control plane for tests: the contract over real HTTP and real WebSockets, with levers for what goes wrong. It
 * checks what it receives as strictly as the real one: schemas, the signature, frame numbers, offsets and checksums.
 */
import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import {
  type AttemptRef,
  connectMessage,
  decodeLogFrame,
  EventDefinitionInput,
  type Job,
  LogClientMessage,
  makeId,
  makeToken,
  RegisterRequest,
  RunnerMessage,
  type ServerMessage,
} from "@cronium/protocol";
import { until } from "./until.ts";

export interface AttemptLog {
  readonly frames: { readonly seq: number; readonly stream: string; readonly bytes: Buffer }[];
  readonly gaps: { readonly bytes: number; readonly reason: string }[];
  end: LogClientMessage | null;
}

export interface Levers {
  /** Answer `accept` with `granted`. */
  grant: boolean;
  /** Acknowledge `exited` and `done`. */
  ack: boolean;
  /** Answer pings. */
  pong: boolean;
  /** Accept new sockets; a refusal is an HTTP 503. */
  connectable: boolean;
  leaseMs: number;
  renewMs: number;
  /** The version it speaks. */
  protocol: number;
}

type Received<T extends RunnerMessage["type"]> = Extract<RunnerMessage, { type: T }>;

export class FakePlane {
  readonly levers: Levers = {
    grant: true,
    ack: true,
    pong: true,
    connectable: true,
    leaseMs: 90_000,
    renewMs: 1_000,
    protocol: 1,
  };
  readonly workspaceId = makeId("workspace", Date.now(), randomBytes(10));
  readonly messages: RunnerMessage[] = [];
  readonly problems: string[] = [];
  readonly logs = new Map<string, AttemptLog>();
  runnerId = makeId("runner", Date.now(), randomBytes(10));
  registrations: RegisterRequest[] = [];
  /** Attempts that the next welcome gives up. */
  kill: AttemptRef[] = [];
  /** Heartbeats that have come. */
  pings = 0;
  refuseRegister: { readonly status: number; readonly body: unknown } | null = null;
  refuseConnect: { readonly status: number; readonly body: unknown } | null = null;
  private readonly server: Server;
  private readonly sockets = new WebSocketServer({ noServer: true });
  private control: WebSocket | null = null;
  private readonly logSockets = new Set<WebSocket>();
  private publicKey = "";

  private constructor() {
    this.server = createServer((request, response) => {
      void this.answer(request).then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(body));
      });
    });
    this.server.on("upgrade", (request, socket, head) => {
      // A runner that gives up in the middle of a refusal is no fault of this test.
      socket.on("error", () => {});
      const refusal = this.refusal(request);
      if (refusal !== null) {
        const body = JSON.stringify(refusal.body);
        socket.end(`HTTP/1.1 ${refusal.status} No\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
        return;
      }
      this.sockets.handleUpgrade(request, socket, head, (ws) => this.accept(ws, request));
    });
  }

  static async start(): Promise<FakePlane> {
    const plane = new FakePlane();
    await new Promise<void>((resolve) => plane.server.listen(0, "127.0.0.1", resolve));
    return plane;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get token(): string {
    return makeToken("registration", randomBytes(32), this.url);
  }

  get connected(): boolean {
    return this.control?.readyState === WebSocket.OPEN;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets.clients) {
      socket.terminate();
    }
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** A job for this script; every field may be overridden. */
  job(script: string, options: Partial<Job["definition"]> & { readonly input?: Job["input"] } = {}): Job {
    const { input = null, ...definition } = options;
    return {
      runId: makeId("run", Date.now(), randomBytes(10)),
      attempt: 1,
      eventId: null,
      eventName: "test event",
      eventVersion: null,
      workspaceId: this.workspaceId,
      trigger: "api",
      queuedAt: Date.now(),
      definition: EventDefinitionInput.parse({ runtime: "bash", script, ...definition }),
      input,
    };
  }

  send(message: ServerMessage): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    this.control?.send(text);
  }

  offer(...jobs: Job[]): void {
    this.send({ type: "jobs", jobs });
  }

  /** Breaks all sockets without a goodbye. */
  cut(): void {
    this.control?.terminate();
    for (const socket of this.logSockets) {
      socket.terminate();
    }
  }

  closeControl(code: number, reason: string): void {
    this.control?.close(code, reason);
  }

  of<T extends RunnerMessage["type"]>(type: T): Received<T>[] {
    return this.messages.filter((message): message is Received<T> => message.type === type);
  }

  exited(ref: AttemptRef): Received<"exited">[] {
    return this.of("exited").filter((message) => message.runId === ref.runId && message.attempt === ref.attempt);
  }

  done(ref: AttemptRef): Received<"done">["jobs"] {
    return this.of("done")
      .flatMap((message) => message.jobs)
      .filter((job) => job.runId === ref.runId && job.attempt === ref.attempt);
  }

  started(ref: AttemptRef): boolean {
    return this.of("started").some((message) => message.runId === ref.runId);
  }

  /** Waits for the result and the end of the log. */
  async finished(ref: AttemptRef, withinMs = 120_000): Promise<Received<"exited">["result"]> {
    await until(`run ${ref.runId} is done`, () => this.done(ref).length > 0 && this.exited(ref).length > 0, withinMs);
    const first = this.exited(ref)[0];
    if (first === undefined) {
      throw new Error("no result");
    }
    return first.result;
  }

  log(ref: AttemptRef): AttemptLog {
    const key = `${ref.runId}/${ref.attempt}`;
    const found = this.logs.get(key) ?? { frames: [], gaps: [], end: null };
    this.logs.set(key, found);
    return found;
  }

  logBytes(ref: AttemptRef, stream?: string): Buffer {
    const frames = this.log(ref).frames.filter((frame) => stream === undefined || frame.stream === stream);
    return Buffer.concat(frames.map((frame) => frame.bytes));
  }

  logText(ref: AttemptRef, stream?: string): string {
    return this.logBytes(ref, stream).toString();
  }

  private async answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    if (request.url !== "/api/v1/runner/register" || request.method !== "POST") {
      return { status: 404, body: { code: "not_found", detail: "nothing here" } };
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
    }
    const parsed = RegisterRequest.safeParse(JSON.parse(Buffer.concat(chunks).toString()));
    if (!parsed.success) {
      return { status: 422, body: { code: "invalid_type", detail: parsed.error.message } };
    }
    if (this.refuseRegister !== null) {
      return this.refuseRegister;
    }
    this.registrations.push(parsed.data);
    this.publicKey = parsed.data.publicKey;
    return {
      status: 201,
      body: {
        runnerId: this.runnerId,
        workspaceId: this.workspaceId,
        name: parsed.data.name,
        labels: parsed.data.labels,
      },
    };
  }

  private refusal(request: IncomingMessage): { status: number; body: unknown } | null {
    if (request.url?.startsWith("/api/v1/runner/connect") === true && this.refuseConnect !== null) {
      return this.refuseConnect;
    }
    return this.levers.connectable ? null : { status: 503, body: {} };
  }

  private accept(socket: WebSocket, request: IncomingMessage): void {
    const url = new URL(request.url ?? "/", "http://plane");
    const runId = /^\/api\/v1\/runner\/logs\/(.+)$/.exec(url.pathname)?.[1];
    if (runId === undefined) {
      this.acceptControl(socket);
    } else {
      const ref = { runId, attempt: Number(url.searchParams.get("attempt")) };
      if (request.headers.authorization !== `Bearer ${logToken(ref)}`) {
        this.problems.push(`log socket of ${runId} with ${request.headers.authorization ?? "no token"}`);
      }
      this.acceptLog(socket, ref);
    }
  }

  private acceptControl(socket: WebSocket): void {
    const nonce = randomBytes(16).toString("hex");
    this.control = socket;
    socket.send(JSON.stringify({ type: "challenge", nonce, protocol: this.levers.protocol } satisfies ServerMessage));
    socket.on("message", (data) => {
      const text = (data as Buffer).toString();
      if (text === "ping") {
        this.pings += 1;
        if (this.levers.pong) {
          socket.send("pong");
        }
        return;
      }
      const parsed = RunnerMessage.safeParse(JSON.parse(text));
      if (!parsed.success) {
        this.problems.push(`bad frame ${text.slice(0, 200)}: ${parsed.error.message}`);
        return;
      }
      this.messages.push(parsed.data);
      this.reply(parsed.data, nonce);
    });
  }

  private reply(message: RunnerMessage, nonce: string): void {
    switch (message.type) {
      case "hello":
        this.checkSignature(message, nonce);
        this.send({
          type: "welcome",
          protocol: this.levers.protocol,
          leaseMs: this.levers.leaseMs,
          renewMs: this.levers.renewMs,
          adopt: [],
          kill: this.kill,
        });
        this.kill = [];
        return;
      case "accept":
        if (this.levers.grant) {
          const grants = message.jobs.map((ref) => ({ ...ref, leaseMs: this.levers.leaseMs, logToken: logToken(ref) }));
          this.send({ type: "granted", grants });
        }
        return;
      case "bye":
        if (message.leave === true) {
          this.closeControl(4403, "runner_revoked");
        }
        return;
      case "exited":
        if (this.levers.ack) {
          this.send({ type: "ack", of: "exited", jobs: [{ runId: message.runId, attempt: message.attempt }] });
        }
        return;
      case "done":
        if (this.levers.ack) {
          const jobs = message.jobs.map(({ runId, attempt }) => ({ runId, attempt }));
          this.send({ type: "ack", of: "done", jobs });
        }
        return;
      default:
    }
  }

  private checkSignature(hello: Received<"hello">, nonce: string): void {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: this.publicKey }, format: "jwk" });
    const message = Buffer.from(connectMessage(nonce, hello.runnerId, hello.epoch));
    if (!verify(null, message, key, Buffer.from(hello.signature, "base64url"))) {
      this.problems.push("a hello with a wrong signature");
    }
  }

  private acceptLog(socket: WebSocket, ref: AttemptRef): void {
    const log = this.log(ref);
    this.logSockets.add(socket);
    socket.on("close", () => this.logSockets.delete(socket));
    const position = (): { seq: number; offset: number } => ({
      seq: log.frames.length,
      offset: log.frames.reduce((sum, frame) => sum + frame.bytes.length, 0),
    });
    socket.send(JSON.stringify({ type: "resume", attempt: ref.attempt, ...position() }));
    let offset = position().offset;
    socket.on("message", (data, isBinary) => {
      if (!isBinary) {
        log.end = LogClientMessage.parse(JSON.parse((data as Buffer).toString()));
        const { sha256 } = log.end;
        const kept = createHash("sha256").update(Buffer.concat(log.frames.map(({ bytes }) => bytes)));
        if (sha256 !== undefined && kept.digest("hex") !== sha256) {
          socket.send(JSON.stringify({ type: "error", code: "log_conflict", message: "other bytes are stored" }));
        }
        socket.send(JSON.stringify({ type: "ended", attempt: ref.attempt }));
        return;
      }
      const decoded = decodeLogFrame(data as Buffer);
      if (!decoded.ok) {
        this.problems.push(decoded.message);
        return;
      }
      const { header, payload } = decoded.frame;
      const known = log.frames[header.seq];
      if (known === undefined) {
        const sha256 = createHash("sha256").update(payload).digest("hex");
        if (header.seq !== log.frames.length || header.offset !== offset || sha256 !== header.sha256) {
          this.problems.push(`frame ${header.seq} at ${header.offset}, expected ${log.frames.length} at ${offset}`);
          return;
        }
        log.frames.push({ seq: header.seq, stream: header.stream, bytes: Buffer.from(payload) });
        offset += payload.length;
        if (header.gap !== undefined) {
          log.gaps.push(header.gap);
        }
      } else if (!known.bytes.equals(payload)) {
        this.problems.push(`frame ${header.seq} came again with other bytes`);
      }
      socket.send(JSON.stringify({ type: "ack", attempt: ref.attempt, seq: log.frames.length, offset }));
    });
  }
}

/** The token that a grant of this plane carries. */
export function logToken(ref: AttemptRef): string {
  return `log-token-${ref.runId}-${ref.attempt}`;
}

/** A real sidecar process, driven as the runner drives it and called as a script calls it. */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { type OutgoingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SignJWT } from "jose";
import type { SidecarCommand, SidecarEvent, SidecarReply } from "@cronium/protocol";
import { coverageEnv } from "./runner-process.ts";
import { until } from "./until.ts";

const ENTRY = fileURLToPath(new URL("../src/sidecar/main.ts", import.meta.url));
/** Tokens are two hours old: those of jobs that go on for longer than one token lives. */
const TOKEN_AGE_S = 7_200;

export const RUN_ID = "run_01jd2c5x0000000000000000ab";

/** The path of a route of `RUN_ID`'s execution. */
export const pathOf = (route: string): string => `/v1/executions/${RUN_ID}/${route}`;

export interface SidecarAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface SidecarRequest {
  readonly slot: string;
  readonly token?: string | undefined;
  readonly body?: string | Buffer | undefined;
  /** Content type of a body; default JSON. */
  readonly type?: string | undefined;
  readonly headers?: OutgoingHttpHeaders | undefined;
}

export interface TokenClaims {
  readonly sub?: string;
  readonly aud?: string;
  readonly typ?: string;
  readonly jti?: string;
  /** Seconds from now; default 600, `null` for a token without an end. */
  readonly expiresIn?: number | null;
  /** Seconds from now. */
  readonly notBefore?: number;
  /** A key in the header, where no key belongs. */
  readonly jwk?: boolean;
  readonly key?: Uint8Array;
}

type Bind = Extract<SidecarCommand, { type: "bind" }>;

/** A job of `RUN_ID`'s first attempt, with nothing in it that its slot does not need; `change` says the rest. */
export function bindOf(slot: string, token: string, change: Partial<Bind> = {}): Bind {
  return {
    type: "bind",
    slot,
    attempt: 1,
    job: { runtime: "bash", script: "true", env: { CRONIUM_TOKEN: token } },
    input: null,
    secrets: {},
    variables: {},
    context: {
      runId: RUN_ID,
      attempt: 1,
      eventId: null,
      eventName: "e",
      eventVersion: null,
      workspaceId: "ws_1",
      trigger: "api",
      runnerName: "r",
      queuedAt: "2026-01-01T00:00:00.000Z",
      startedAt: "2026-01-01T00:00:00.000Z",
      timeoutMs: 1_000,
      memoryMb: 64,
    },
    handedOut: false,
    ...change,
  };
}

export class SidecarProcess {
  /** Every event since the start, the oldest first. */
  readonly events: SidecarEvent[] = [];
  /** Where the sockets of its slots are. */
  readonly folder = mkdtempSync(join(tmpdir(), "cronium-sockets-"));
  private readonly key = randomBytes(32);
  private readonly child: ChildProcess;

  /** `onEvent` answers what the sidecar asks its runner. */
  constructor(onEvent: (event: SidecarEvent, sidecar: SidecarProcess) => void) {
    this.child = fork(ENTRY, [], { env: coverageEnv(), execArgv: [] });
    this.child.on("message", (message) => {
      const event = message as SidecarEvent;
      this.events.push(event);
      onEvent(event, this);
    });
  }

  /** Resolves once slots can be opened. */
  async start(): Promise<void> {
    await until("the sidecar is ready", () => this.count("ready") > 0);
    this.send({ type: "configure", key: this.key.toString("base64url"), socketDir: this.folder });
  }

  /** Resolves once the process is gone. */
  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.disconnect();
    await gone;
    rmSync(this.folder, { recursive: true, force: true });
  }

  send(command: SidecarCommand | SidecarReply): void {
    this.child.send(command);
  }

  /** Sends what no runner would. */
  sendUnknown(message: object): void {
    this.child.send(message);
  }

  /** Events of one kind, of one slot where `slot` names it. */
  count(type: SidecarEvent["type"], slot?: string): number {
    return this.events.filter(
      (event) => event.type === type && (slot === undefined || ("slot" in event && event.slot === slot)),
    ).length;
  }

  /** Resolves once there is one more event of this kind than before `command`: an older one is no answer. */
  private async answered(command: SidecarCommand, type: SidecarEvent["type"], slot: string): Promise<void> {
    const before = this.count(type, slot);
    this.send(command);
    await until(`the slot ${slot} is ${type}`, () => this.count(type, slot) > before);
  }

  open(slot: string): Promise<void> {
    return this.answered({ type: "open", slot }, "opened", slot);
  }

  close(slot: string): Promise<void> {
    return this.answered({ type: "close", slot }, "closed", slot);
  }

  /** Resolves once the job can read its input. */
  async bind(bind: Bind): Promise<void> {
    this.send(bind);
    const token = await this.token();
    await until(
      "the job is bound",
      async () => (await this.call("GET", pathOf("input"), { slot: bind.slot, token })).status === 200,
    );
  }

  token(claims: TokenClaims = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    const { notBefore, expiresIn = 600 } = claims;
    const jwt = new SignJWT(notBefore === undefined ? {} : { nbf: now + notBefore })
      .setProtectedHeader({
        alg: "HS256",
        typ: claims.typ ?? "cronium-execution+jwt",
        ...(claims.jwk === true ? { jwk: { kty: "oct" } } : {}),
      })
      .setSubject(claims.sub ?? `${RUN_ID}:1`)
      .setAudience(claims.aud ?? "cronium-runtime")
      .setJti(claims.jti ?? randomBytes(8).toString("hex"))
      .setIssuedAt(now - TOKEN_AGE_S);
    return (expiresIn === null ? jwt : jwt.setExpirationTime(now + expiresIn)).sign(claims.key ?? this.key);
  }

  call(method: string, path: string, { slot, token, body, type, headers }: SidecarRequest): Promise<SidecarAnswer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: join(this.folder, slot, "api.sock"),
          method,
          path,
          headers: {
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(body === undefined ? {} : { "content-type": type ?? "application/json" }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
          });
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }
}

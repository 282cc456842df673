/** An installation as its launcher sets it up, and requests to it through the real Worker. */
import { env, exports } from "cloudflare:workers";
import { makeId } from "@cronium/protocol/ids";
import { base64url, makeToken } from "@cronium/protocol/token";
import { contractOf } from "./contract.ts";
import { hashToken } from "../../src/auth/token-hash.ts";
import { makeDeps, type Env } from "../../src/deps.ts";
import type { Role } from "@cronium/protocol/roles";
import { createApiKey } from "../../src/services/api-keys.ts";

export const ORIGIN = "http://plane.test";
export const testEnv = env as unknown as Env & { readonly LAUNCHER_KEY: string };
export const deps = makeDeps(testEnv);
const requireContract = contractOf(deps);
export const password = "correct horse battery";

/** The Worker as it is deployed, entered through its HTTP handler. */
const worker = (exports as unknown as { readonly default: Fetcher }).default;

export interface Setup {
  readonly workspaceId: string;
  readonly apiKey: string;
  readonly claimToken: string | null;
  readonly migrated: readonly string[];
}

/** What the launcher does at each start. Within one test file the database stays. */
export async function setUp(apiKey: string | null = null): Promise<Setup> {
  const response = await send("POST", "/launcher/setup", { body: { apiKey }, key: testEnv.LAUNCHER_KEY });
  if (response.status !== 200) {
    throw new Error(`setup failed with ${response.status}: ${await response.text()}`);
  }
  return response.json();
}

export interface Sending {
  /** Sent as JSON; a text, bytes and streams as they are. */
  readonly body?: unknown;
  readonly key?: string;
  readonly cookie?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly origin?: string;
}

/** The answer, which is held against the contract of its route. */
export async function send(method: string, path: string, sending: Sending = {}): Promise<Response> {
  const { body, key, cookie, origin = ORIGIN } = sending;
  const isRaw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
  const response = await worker.fetch(
    new Request(origin + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(cookie === undefined ? {} : { cookie }),
        ...sending.headers,
      },
      ...(body === undefined ? {} : { body: isRaw ? (body as BodyInit) : JSON.stringify(body) }),
    }),
  );
  await requireContract(method, path, response);
  return response;
}

export interface ProblemBody {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
  readonly type: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string; readonly message: string }[];
  readonly request_id: string;
}

/** The problem in a refusal; throws when the answer is none. */
export async function problemOf(response: Response): Promise<ProblemBody> {
  const type = response.headers.get("content-type");
  if (type !== "application/problem+json") {
    throw new Error(`expected a problem, got ${response.status} ${type}: ${await response.text()}`);
  }
  return response.json();
}

/** Status and code, for tables. */
export async function refusalOf(response: Response): Promise<string> {
  const problem = await problemOf(response);
  return `${response.status} ${problem.code}`;
}

/** The cookie to send back, of the first Set-Cookie header. */
export function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "none";
}

export function claim(token: string, email: string, origin = ORIGIN): Promise<Response> {
  return send("POST", "/api/v1/claim", { body: { token, name: "Ada", email, password }, origin });
}

/** A workspace that is not the first one, with a claim token and a key for each role asked for. */
export async function addWorkspace(): Promise<{
  readonly workspaceId: string;
  readonly claimToken: string;
  keyFor(role: Role): Promise<string>;
}> {
  const workspaceId = makeId("workspace", Date.now(), random(10));
  const claimToken = makeToken("claim", random(32));
  await testEnv.DB.batch([
    testEnv.DB.prepare("INSERT INTO workspaces (id, name, created_at) VALUES (?, 'Other', ?)").bind(
      workspaceId,
      Date.now(),
    ),
    testEnv.DB.prepare("INSERT INTO claim_tokens (hash, workspace_id, created_at) VALUES (?, ?, ?)").bind(
      await hashToken(claimToken),
      workspaceId,
      Date.now(),
    ),
  ]);
  return {
    workspaceId,
    claimToken,
    keyFor: (role) => createApiKey(deps, { workspaceId, name: role, role }),
  };
}

export function random(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes));
}

/** What a machine sends to register itself. */
export function registration(token: string, change: object = {}): object {
  return {
    token,
    name: `machine-${base64url(random(6)).replaceAll(/[^A-Za-z0-9]/g, "x")}`,
    publicKey: base64url(random(32)),
    version: "0.1.0",
    protocol: 1,
    platform: {
      os: "linux",
      arch: "x64",
      hostname: "shed",
      node: "24",
      docker: "27",
      cpus: 2,
      memoryMb: 2_048,
    },
    ...change,
  };
}

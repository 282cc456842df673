/** A workspace of its own for each test, and the requests that tests make of it through the real Worker. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { makeId } from "@cronium/protocol/ids";
import type { Run } from "@cronium/protocol";
import { makeDeps, type Env } from "../../src/deps.ts";
import type { DispatcherApi } from "../../src/domain/dispatcher.ts";
import { dispatcherName } from "../../src/domain/dispatcher-name.ts";
import { createApiKey } from "../../src/services/api-keys.ts";

const testEnv = env as unknown as Env & { readonly TEST_MIGRATIONS: D1Migration[] };

export const ORIGIN = "http://plane.test";

export interface Plane {
  readonly workspaceId: string;
  readonly apiKey: string;
  readonly dispatcher: DispatcherApi;
  readonly dispatcherStub: DurableObjectStub;
  shardStub(shard: number): DurableObjectStub;
  roomStub(runId: string): DurableObjectStub;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** JSON of an answer that must have this status. */
  expectJson<T>(
    status: number,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<T>;
  trigger(change?: Partial<typeof script>): Promise<string>;
  run(runId: string): Promise<Run>;
  /** Polls the run until the condition holds; fails with the last state seen. */
  until(runId: string, condition: (run: Run) => boolean, what: string): Promise<Run>;
}

export const script = {
  runtime: "bash",
  script: "echo hello",
  input: null as unknown,
  labels: {} as Record<string, string>,
  scriptRetries: 0,
  onLost: "retry",
  maxAttempts: 5,
};

let migrated: Promise<void> | undefined;

export async function makePlane(): Promise<Plane> {
  migrated ??= applyD1Migrations(testEnv.DB, testEnv.TEST_MIGRATIONS);
  await migrated;
  const deps = makeDeps(testEnv);
  const workspaceId = makeId("workspace", Date.now(), crypto.getRandomValues(new Uint8Array(10)));
  await testEnv.DB.prepare("INSERT INTO workspaces (id, name, created_at) VALUES (?, ?, ?)")
    .bind(workspaceId, "Test", Date.now())
    .run();
  const apiKey = await createApiKey(deps, { workspaceId, name: "test", role: "owner" });
  const { DISPATCHER, LOG_ROOM } = testEnv;
  const call: Plane["call"] = (method, path, body, headers = {}) =>
    exports.default.fetch(
      new Request(`${ORIGIN}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
  const expectJson: Plane["expectJson"] = async (status, method, path, body, headers) => {
    const response = await call(method, path, body, headers);
    const text = await response.text();
    if (response.status !== status) {
      throw new Error(`${method} ${path}: expected ${status}, got ${response.status} ${text}`);
    }
    return JSON.parse(text);
  };
  const run: Plane["run"] = (runId) => expectJson(200, "GET", `/runs/${runId}`);
  return {
    workspaceId,
    apiKey,
    dispatcher: deps.dispatcherFor(workspaceId),
    dispatcherStub: DISPATCHER.get(DISPATCHER.idFromName(workspaceId)),
    shardStub: (shard) => DISPATCHER.get(DISPATCHER.idFromName(dispatcherName(workspaceId, shard))),
    roomStub: (runId) => LOG_ROOM.get(LOG_ROOM.idFromName(`${workspaceId}:${runId}`)),
    call,
    expectJson,
    trigger: async (change = {}) => {
      const accepted = await expectJson<{ runId: string }>(202, "POST", "/runs", { ...script, ...change });
      return accepted.runId;
    },
    run,
    until: (runId, condition, what) =>
      waitFor(async () => {
        const seen = await run(runId);
        return condition(seen) ? { ok: true, value: seen } : { ok: false, seen: JSON.stringify(seen) };
      }, what),
  };
}

type Probe<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly seen: string };

/** Asks until the answer is there, for at most 90 seconds, which ends what hangs on a busy machine too. */
export async function waitFor<T>(
  probe: () => Promise<Probe<T>> | Probe<T>,
  what: string,
  withinMs = 90_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await probe();
    if (answer.ok) {
      return answer.value;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} did not happen within ${withinMs / 1_000} s; last seen: ${answer.seen}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

/** Resolves once D1 has everything that the Dispatcher has for it. */
export async function outboxIsEmpty(plane: Plane): Promise<void> {
  await waitFor(async () => {
    const { outboxRows } = await plane.dispatcher.check();
    return outboxRows === 0 ? { ok: true, value: null } : { ok: false, seen: `${outboxRows} rows` };
  }, "an empty outbox");
}

/** The end of a workspace: exported, deleted by its owner alone, gone everywhere, and no other one touched. */
import { runInDurableObject } from "cloudflare:test";
import { beforeAll, test } from "vitest";
import { logKey } from "../../src/domain/blob-keys.ts";
import type { Deps } from "../../src/deps.ts";
import { continueDeletions } from "../../src/services/workspace-deletion.ts";
import { deps, refusalOf, registration, send, setUp, testEnv } from "./installation.ts";
import { age, member, owner, type Person } from "./people.ts";

const VALUE = "d3l-Wert-5a7e";
type Owner = Person & { readonly workspaceId: string };

beforeAll(async () => {
  await setUp();
});

async function ok<T>(response: Response): Promise<T> {
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${response.status} ${text}`);
  }
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

interface Filled {
  readonly eventId: string;
  readonly runId: string;
  readonly key: string;
  readonly runnerId: string;
}

/** One of everything. */
async function fill(by: Owner): Promise<Filled> {
  await ok(await by.ask("POST", "/secrets", { name: "TOKEN", value: VALUE }));
  await ok(await by.ask("POST", "/variables", { name: "REGION", value: { zone: "eu" } }));
  const { id: eventId } = await ok<{ id: string }>(
    await by.ask("POST", "/events", { name: "Nightly", runtime: "bash", script: "true", secrets: ["TOKEN"] }),
  );
  const { runId } = await ok<{ runId: string }>(await by.ask("POST", `/events/${eventId}/runs`, { input: 1 }));
  const { key } = await ok<{ key: string }>(await by.ask("POST", "/api-keys", { name: "ci" }));
  const { token } = await ok<{ token: string }>(await by.ask("POST", "/registration-tokens"));
  const { runnerId } = await ok<{ runnerId: string }>(
    await send("POST", "/api/v1/runner/register", { body: registration(token) }),
  );
  await deps.blobs.put(logKey(by.workspaceId, runId), new Uint8Array([1, 2, 3]));
  await settled(by.workspaceId);
  return { eventId, runId, key, runnerId };
}

/** Everything is in D1. */
async function settled(workspaceId: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    const { outboxRows } = await deps.dispatcherFor(workspaceId).check();
    if (outboxRows === 0) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The outbox of ${workspaceId} was not empty within 60 s`);
}

/** Rows of the workspace, by table. */
async function rowsIn(workspaceId: string): Promise<Record<string, number>> {
  const { results: tables } = await testEnv.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%`workspace\\_id`%' ESCAPE '\\'",
  ).all<{ name: string }>();
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const row = await testEnv.DB.prepare(`SELECT count(*) AS n FROM ${name} WHERE workspace_id = ?`)
      .bind(workspaceId)
      .first<{ n: number }>();
    counts[name] = row?.n ?? 0;
  }
  const own = await testEnv.DB.prepare("SELECT count(*) AS n FROM workspaces WHERE id = ?")
    .bind(workspaceId)
    .first<{ n: number }>();
  return { ...counts, workspaces: own?.n ?? 0 };
}

function tablesOf(workspaceId: string): Promise<readonly string[]> {
  const stub = testEnv.DISPATCHER.get(testEnv.DISPATCHER.idFromName(workspaceId));
  return runInDurableObject(stub, (_, { storage: { sql } }) =>
    sql
      .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'")
      .toArray()
      .map((row) => row["name"] as string)
      .filter((name) => sql.exec(`SELECT 1 FROM "${name}" LIMIT 1`).toArray().length > 0),
  );
}

const later = (change: Partial<Deps> = {}): Deps => ({ ...deps, clock: { now: () => Date.now() + 60_000 }, ...change });
const remove = (by: Person, name: string): Promise<Response> => by.ask("POST", "/workspace/deletion", { name });

test("only an owner with a fresh password and the exact name deletes it", async ({ expect }) => {
  const ada = await owner();
  const admin = await member(ada, "admin");
  const { key } = await ok<{ key: string }>(await ada.ask("POST", "/api-keys", { name: "k", role: "owner" }));
  expect(await refusalOf(await remove(admin, "Other"))).toBe("403 forbidden");
  const byKey = await send("POST", "/api/v1/workspace/deletion", { key, body: { name: "Other" } });
  expect(await refusalOf(byKey)).toBe("403 forbidden");
  for (const name of ["other", "Other ", ""]) {
    expect(await refusalOf(await remove(ada, name)), name).toBe("422 invalid_value");
  }
  await age(ada);
  expect(await refusalOf(await remove(ada, "Other"))).toBe("403 proof_required");
  expect((await ada.ask("GET", "/me")).status).toBe(200);
});

test("the export holds everything but values of secrets, and says where it ends", async ({ expect }) => {
  const ada = await owner();
  const { eventId, runId } = await fill(ada);
  const editor = await member(ada, "editor");
  expect(await refusalOf(await editor.ask("GET", "/workspace/export"))).toBe("403 forbidden");
  const text = new TextDecoder().decode(await (await ada.ask("GET", "/workspace/export")).arrayBuffer());
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; data?: unknown; lines?: number });
  const types = new Map<string, number>();
  for (const { type } of lines) {
    types.set(type, (types.get(type) ?? 0) + 1);
  }
  expect(Object.fromEntries(types)).toMatchObject({
    workspace: 1,
    settings: 1,
    member: 2,
    secret: 1,
    variable: 1,
    event: 1,
    run: 1,
    end: 1,
  });
  expect(types.get("audit")).toBeGreaterThan(5);
  expect(lines.at(-1)).toEqual({ type: "end", lines: lines.length });
  expect(lines.find(({ type }) => type === "event")).toMatchObject({
    data: { id: eventId, versions: [{ script: "true" }] },
  });
  expect(lines.find(({ type }) => type === "run")).toMatchObject({ data: { id: runId, eventName: "Nightly" } });
  expect(lines.find(({ type }) => type === "variable")).toMatchObject({
    data: { versions: [{ value: { zone: "eu" } }] },
  });
  expect(text).not.toContain(VALUE);
});

test("T10 a deleted workspace is closed at once and gone soon, and another one keeps everything", async ({
  expect,
}) => {
  const [ada, ben] = [await owner(), await owner()];
  const [mine, theirs] = [await fill(ada), await fill(ben)];
  const before = await rowsIn(ben.workspaceId);
  expect((await remove(ada, "Other")).status).toBe(204);

  expect((await ada.ask("GET", "/me")).status).toBe(401);
  expect((await send("GET", "/api/v1/me", { key: mine.key })).status).toBe(401);
  const connect = await send("GET", `/api/v1/runner/connect?runnerId=${mine.runnerId}&protocol=2`, {
    headers: { upgrade: "websocket" },
  });
  expect([401, 403, 410]).toContain(connect.status);

  // Not before the last who were remembered for seconds are gone.
  await continueDeletions(deps);
  expect((await rowsIn(ada.workspaceId))["runs"]).toBe(1);
  await continueDeletions(later());
  const left = await rowsIn(ada.workspaceId);
  expect(Object.entries(left).filter(([, count]) => count > 0)).toEqual([]);
  expect(Object.keys(left).length).toBeGreaterThan(15);
  expect(await deps.blobs.get(logKey(ada.workspaceId, mine.runId))).toBeNull();
  // Looking makes the object anew, with nothing in it but what an empty one has.
  expect(await tablesOf(ada.workspaceId)).not.toContain("events");

  expect(await rowsIn(ben.workspaceId)).toEqual(before);
  expect(await deps.blobs.get(logKey(ben.workspaceId, theirs.runId))).not.toBeNull();
  expect((await ben.ask("GET", `/runs/${theirs.runId}`)).status).toBe(200);
  expect((await send("GET", "/api/v1/me", { key: theirs.key })).status).toBe(200);
  expect(await ok(await ben.ask("GET", "/audit/verify"))).toMatchObject({ isIntact: true });
  expect(await tablesOf(ben.workspaceId)).toEqual(expect.arrayContaining(["events", "secrets", "variables", "audit"]));
});

test("a deletion that fails at any step is gone on with and ends whole", async ({ expect }) => {
  const ada = await owner();
  const { runId } = await fill(ada);
  expect((await remove(ada, "Other")).status).toBe(204);
  const fail = (): never => {
    throw new Error("out of order");
  };
  const broken: readonly Partial<Deps>[] = [
    { dispatcherFor: fail },
    { blobs: { ...deps.blobs, delete: () => Promise.reject(new Error("no blobs")) } },
    {
      d1: new Proxy(deps.d1, {
        get: (target, name) => {
          if (name === "batch") {
            return () => Promise.reject(new Error("no database"));
          }
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      }),
    },
  ];
  for (const change of broken) {
    await continueDeletions(later(change));
    expect((await rowsIn(ada.workspaceId))["workspaces"]).toBe(1);
  }
  await continueDeletions(later());
  expect(Object.values(await rowsIn(ada.workspaceId)).filter((count) => count > 0)).toEqual([]);
  expect(await deps.blobs.get(logKey(ada.workspaceId, runId))).toBeNull();
});

test("a person goes on in another workspace when one is deleted", async ({ expect }) => {
  const ada = await owner();
  const second = await ok<{ id: string }>(await ada.ask("POST", "/workspaces", { name: "Second" }));
  expect((await remove(ada, "Second")).status).toBe(204);
  const me = await ok<{ workspace: { id: string } }>(await ada.ask("GET", "/me"));
  expect(me.workspace.id).toBe(ada.workspaceId);
  await continueDeletions(later());
  expect((await rowsIn(second.id))["workspaces"]).toBe(0);
});

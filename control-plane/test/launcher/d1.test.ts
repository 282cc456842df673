import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, test } from "vitest";
import { buildControlPlane, ROOT } from "./plane.ts";

/** A Worker that does with `env.DB` what the request says, so that the real client meets our service. */
const PROBE = `export default { async fetch(request, env) {
  const { method, statements, bytes } = await request.json();
  const prepared = statements.map(([sql, ...params]) => {
    const values = params.map((param) => (param === "<bytes>" ? new Uint8Array(bytes) : param));
    return values.length === 0 ? env.DB.prepare(sql) : env.DB.prepare(sql).bind(...values);
  });
  try {
    const result = method === "batch" ? await env.DB.batch(prepared) : await prepared[0][method]();
    return Response.json({ result });
  } catch (error) {
    return Response.json({ error: error.message });
  }
} };`;

let folder: string;
let workerd: ChildProcess;
let url: string;

beforeAll(async () => {
  buildControlPlane();
  folder = mkdtempSync(join(tmpdir(), "cronium-d1-"));
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "probe.js"), PROBE);
  const bundle = relative(folder, join(ROOT, "control-plane/dist/services/d1.js"));
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "d1", worker = .d1), (name = "files", disk = (path = "${folder}/data", writable = true))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "probe.js", esModule = embed "probe.js")], compatibilityDate = "2026-10-01",
  bindings = [(name = "DB", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "d1")]))],
);
const d1 :Workerd.Worker = (
  modules = [(name = "d1.js", esModule = embed "${bundle}")], compatibilityDate = "2026-10-01",
  bindings = [(name = "DATABASE", durableObjectNamespace = "Database")],
  durableObjectNamespaces = [(className = "Database", uniqueKey = "cronium-d1", enableSql = true)],
  durableObjectStorage = (localDisk = "files"),
);`;
  writeFileSync(join(folder, "config.capnp"), config);
  const { default: binary } = createRequire(import.meta.url)("workerd") as { default: string };
  workerd = spawn(binary, ["serve", "--control-fd=3", join(folder, "config.capnp"), "config"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const control = workerd.stdio[3] as NodeJS.ReadableStream;
  const port = await new Promise<number>((resolve) => {
    createInterface({ input: control }).on("line", (line) => resolve((JSON.parse(line) as { port: number }).port));
  });
  url = `http://127.0.0.1:${port}`;
});

afterAll(async () => {
  const ended = new Promise((resolve) => workerd.on("exit", resolve));
  workerd.kill("SIGKILL");
  await ended;
  rmSync(folder, { recursive: true });
});

type Statement = readonly unknown[];

async function ask(method: string, statements: readonly Statement[], bytes: number[] = []): Promise<unknown> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify({ method, statements, bytes }) });
  const answer = (await response.json()) as { result?: unknown; error?: string };
  return answer.error === undefined ? answer.result : { error: answer.error };
}

test("values of every type come back as they went", async ({ expect }) => {
  await ask("run", [["CREATE TABLE t (a, b)"]]);
  const values = [0, -1.5, 9_007_199_254_740_991, "", "ü\u{1F600}\n\0'\"", null, true];
  for (const [index, value] of values.entries()) {
    await ask("run", [["INSERT INTO t VALUES (?1, ?2)", index, value]]);
  }
  const rows = (await ask("raw", [["SELECT b FROM t ORDER BY a"]])) as unknown[][];
  // SQLite has no booleans.
  expect(rows.map(([value]) => value)).toEqual([...values.slice(0, -1), 1]);
});

test("bytes come back as bytes", async ({ expect }) => {
  const bytes = Array.from({ length: 256 }, (_, index) => index);
  await ask("run", [["CREATE TABLE blobs (b)"]]);
  await ask("run", [["INSERT INTO blobs VALUES (?1)", "<bytes>"]], bytes);
  expect(await ask("first", [["SELECT typeof(b) AS type, b FROM blobs"]])).toEqual({ type: "blob", b: bytes });
});

test("a write says how many rows it changed and the last row's number", async ({ expect }) => {
  await ask("run", [["CREATE TABLE counted (id INTEGER PRIMARY KEY, a)"]]);
  const inserted = await ask("run", [["INSERT INTO counted (a) VALUES (1), (2), (3)"]]);
  expect(inserted).toMatchObject({ success: true, meta: { changes: 3, last_row_id: 3, changed_db: true } });
  expect(await ask("run", [["UPDATE counted SET a = 0 WHERE id > 5"]])).toMatchObject({ meta: { changes: 0 } });
  expect(await ask("all", [["SELECT a FROM counted WHERE id = 2"]])).toMatchObject({
    results: [{ a: 2 }],
    meta: { changes: 0, changed_db: false },
  });
  expect(await ask("first", [["SELECT a FROM counted WHERE id = 9"]])).toBeNull();
});

test("RETURNING works, and two columns of one name stay apart in raw rows", async ({ expect }) => {
  await ask("run", [["CREATE TABLE r (id INTEGER PRIMARY KEY, a TEXT)"]]);
  expect(await ask("all", [["INSERT INTO r (a) VALUES ('x') RETURNING id, a"]])).toMatchObject({
    results: [{ id: 1, a: "x" }],
  });
  expect(await ask("raw", [["SELECT 1 AS a, 2 AS a"]])).toEqual([[1, 2]]);
});

test("a batch is applied whole or not at all, and later statements see earlier ones", async ({ expect }) => {
  await ask("run", [["CREATE TABLE once (a UNIQUE)"]]);
  const failed = await ask("batch", [["INSERT INTO once VALUES (1)"], ["INSERT INTO once VALUES (1)"]]);
  expect(failed).toEqual({ error: expect.stringMatching(/^D1_ERROR: UNIQUE constraint failed: once\.a/) });
  expect(await ask("first", [["SELECT count(*) AS n FROM once"]])).toEqual({ n: 0 });

  const good = await ask("batch", [["INSERT INTO once VALUES (?1)", 7], ["SELECT a FROM once"]]);
  expect(good).toMatchObject([{ meta: { changes: 1 } }, { results: [{ a: 7 }] }]);
});

test("a wrong statement is answered with what SQLite says", async ({ expect }) => {
  expect(await ask("all", [["SELECT a FROM nowhere"]])).toEqual({
    error: expect.stringMatching(/^D1_ERROR: no such table: nowhere/),
  });
});

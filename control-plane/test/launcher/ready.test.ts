import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeAll, test } from "vitest";
import { buildControlPlane, Workbench } from "./plane.ts";

const bench = new Workbench();
beforeAll(buildControlPlane, 120_000);
afterEach(() => bench.cleanUp(), 30_000);

/** D1's own file, opened beside the running control plane. */
function openD1(data: string): DatabaseSync {
  const folder = join(data, "control-plane/d1/cronium-d1");
  const file = readdirSync(folder).find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name)) ?? "none";
  return new DatabaseSync(join(folder, file), { timeout: 5_000 });
}

async function get(url: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

test("/ready says what is missing while /health stays up", async ({ expect }) => {
  const data = bench.folder();
  const plane = await bench.launch(data).ready;
  expect(await get(`${plane.url}/ready`)).toEqual({ status: 200, body: { ready: true, reasons: [] } });

  const d1 = openD1(data);
  d1.exec("ALTER TABLE d1_migrations RENAME TO hidden");
  expect(await get(`${plane.url}/ready`)).toEqual({
    status: 503,
    body: { ready: false, reasons: [expect.stringMatching(/^The database lacks the migrations 0001_initial\.sql/)] },
  });
  expect(await get(`${plane.url}/health`)).toMatchObject({ status: 200 });

  d1.exec("ALTER TABLE hidden RENAME TO d1_migrations; ALTER TABLE workspaces RENAME TO hidden");
  expect(await get(`${plane.url}/ready`)).toEqual({
    status: 503,
    body: { ready: false, reasons: ["The database does not answer."] },
  });

  d1.exec("ALTER TABLE hidden RENAME TO workspaces");
  d1.close();
  expect(await get(`${plane.url}/ready`)).toMatchObject({ status: 200 });
});

/** The shipped examples do their work in their images, on the shipped data, through the real sidecar. */
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json, Runtime } from "@cronium/protocol";
import { afterAll, beforeAll, test } from "vitest";
import * as z from "zod";
import { buildImages, type Ended, run, startContainer } from "./container.ts";
import { type Sidecar, startSidecar } from "./sidecar.ts";

const EXAMPLES = join(import.meta.dirname, "../../examples");

const ExampleEvent = z.strictObject({
  name: z.string(),
  description: z.string(),
  kind: z.literal("script"),
  runtime: z.enum(["python", "node", "bash"]),
  scriptFile: z.string(),
  timeoutMs: z.int(),
  mounts: z.array(z.strictObject({ name: z.enum(["examples", "backups"]), target: z.string() })),
  defaultInput: z.json(),
});

let sidecar: Sidecar;
let images: Record<Runtime, string>;
let backups: string;

beforeAll(async () => {
  images = await buildImages();
  sidecar = await startSidecar();
  backups = mkdtempSync(join(tmpdir(), "cronium-backups-"));
  // The job's user is nobody here: what `npm start` does for its own folder.
  chmodSync(backups, 0o777);
});

afterAll(async () => {
  await sidecar.stop();
  rmSync(backups, { recursive: true, force: true });
});

async function runExample(folder: string, changes: object = {}): Promise<Ended & { output: Json | undefined }> {
  const event = ExampleEvent.parse(JSON.parse(readFileSync(join(EXAMPLES, folder, "event.json"), "utf8")));
  const job = await sidecar.bind({
    runtime: event.runtime,
    script: readFileSync(join(EXAMPLES, folder, event.scriptFile), "utf8"),
    input: { ...(event.defaultInput as object), ...changes },
  });
  const mounts = event.mounts.map(({ name, target }) =>
    name === "examples"
      ? ({ path: join(EXAMPLES, "data"), target, mode: "ro" } as const)
      : ({ path: backups, target, mode: "rw" } as const),
  );
  const ended = await startContainer(images[event.runtime], job, mounts).ended;
  await sidecar.close(job);
  return { ...ended, output: job.outputs.at(-1) };
}

async function sqlite(database: string, sql: string): Promise<string> {
  const program = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall())";
  const result = await run("python3", ["-c", program, database, sql]);
  return result.stdout.trim() + result.stderr;
}

test("the backup is a file that is there after the run, whole and restorable", async ({ expect }) => {
  const ended = await runExample("backup-sqlite");
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.stdout).toContain("The copy is whole");
  const output = z
    .object({ file: z.string(), sha256: z.string(), tables: z.record(z.string(), z.int()) })
    .parse(ended.output);
  expect(output.tables).toMatchObject({ customers: 180, products: 40, orders: 900 });
  const [name = ""] = readdirSync(backups);
  expect(output.file).toBe(`/data/backups/${name}`);

  const restored = join(backups, "restored");
  copyFileSync(join(backups, name), restored);
  const sql =
    "select o.id, c.name, sum(l.quantity) from orders o join customers c on c.id = o.customer_id " +
    "join order_lines l on l.order_id = o.id group by o.id order by o.id limit 50";
  expect(await sqlite(restored, "pragma integrity_check")).toBe("[('ok',)]");
  expect(await sqlite(restored, sql)).toBe(await sqlite(join(EXAMPLES, "data/shop.db"), sql));
  rmSync(restored);
});

test("older backups go once there are more than keep", async ({ expect }) => {
  for (const name of ["shop-20260101T000000Z.db", "shop-20260102T000000Z.db"]) {
    copyFileSync(join(EXAMPLES, "data/shop.db"), join(backups, name));
  }
  const ended = await runExample("backup-sqlite", { keep: 1 });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.output).toMatchObject({ kept: 1 });
  expect(readdirSync(backups)).toHaveLength(1);
});

test("a file that is no database fails the run, says why and leaves nothing behind", async ({ expect }) => {
  const before = readdirSync(backups);
  const ended = await runExample("backup-sqlite", { database: "/data/examples/access.log" });
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain(
    "Backing up /data/examples/access.log to /data/backups failed: file is not a database",
  );
  expect(ended.output).toBeUndefined();
  expect(readdirSync(backups)).toEqual(before);
});

test("the access log is summarised, odd lines included", async ({ expect }) => {
  const ended = await runExample("access-log-report");
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.stdout).toContain("Slowest hour  2026-03-09 19:00");
  // Counted apart from the script, by another program.
  expect(ended.output).toMatchObject({
    requests: 3257,
    unreadableLines: 10,
    bytes: 102_844_517,
    errorRate: 0.0114,
    statuses: { "2xx": 2859, "3xx": 234, "4xx": 127, "5xx": 37 },
    slowestHour: { hour: "2026-03-09 19:00" },
  });
  const { topPaths, topClients } = z
    .looseObject({ topPaths: z.array(z.json()), topClients: z.array(z.json()) })
    .parse(ended.output);
  expect(topPaths).toHaveLength(5);
  expect(topClients[0]).toEqual({ name: "2001:db8:0::1", requests: 198 });
});

test("full disks and certificates are reported against the day that the input names", async ({ expect }) => {
  const ended = await runExample("host-check", { now: "2027-02-15T00:00:00Z", maxUsedPercent: 100 });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.output).toMatchObject({
    checkedAt: "2027-02-15T00:00:00Z",
    disks: [{ folder: "/data/examples" }, { folder: "/data/backups" }],
    certificates: [
      { file: "internal-ca.crt", daysLeft: 6895, state: "valid", expiresAt: "2046-01-01T00:00:00Z" },
      { file: "old.shop.example.pem", daysLeft: -716, state: "expired" },
      { file: "shop.example.pem", daysLeft: 14, state: "expiring", subject: "O=Example Shop,CN=shop.example" },
    ],
    warnings: [
      "old.shop.example.pem (O=Example Shop,CN=old.shop.example) expired 716 days ago",
      "shop.example.pem (O=Example Shop,CN=shop.example) expires in 14 days",
    ],
  });
});

test("a finding fails the check only when asked to", async ({ expect }) => {
  const ended = await runExample("host-check", { failOnWarning: true, folders: ["/data/nothing"] });
  expect(ended.code).toBe(1);
  expect(ended.output).toMatchObject({
    disks: [],
    warnings: ["/data/nothing is not there; is it mounted?", expect.any(String)],
  });
});

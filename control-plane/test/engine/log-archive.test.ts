/** The archived log: written block by block, whatever happens to the object meanwhile, and read from any place. */
import { gunzipSync } from "node:zlib";
import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { decodeLogFrame, type LogServerMessage } from "@cronium/protocol";
import { afterEach, describe, test } from "vitest";
import { logKey } from "../../src/domain/blob-keys.ts";
import { readTable } from "../../src/objects/log-room/archive-format.ts";
import { r2Blobs, readAll } from "../../src/store/blobs.ts";
import { closeAll, connect, makeFrame, openLog, registerFake } from "./fake-runner.ts";
import { openInbox } from "./inbox.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";

const { BLOBS } = env as unknown as { BLOBS: R2Bucket };
const blobs = r2Blobs(BLOBS);

afterEach(closeAll);

interface Printed {
  readonly plane: Plane;
  readonly runId: string;
  readonly key: string;
  readonly text: string;
}

/** A run that prints `texts`, a frame each, and has ended. */
async function printed(texts: readonly string[]): Promise<Printed> {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane));
  const runId = await plane.trigger();
  const job = await connection.job();
  const log = await openLog(runId, await connection.accept(job));
  let offset = 0;
  for (const [seq, text] of texts.entries()) {
    log.write(await makeFrame({ attempt: 1, seq, offset }, text));
    offset += text.length;
  }
  log.socket.send(JSON.stringify({ type: "end", attempt: 1, totalBytes: offset, gaps: 0, truncated: false }));
  await log.text<Extract<LogServerMessage, { type: "ended" }>>("ended");
  log.socket.close(1000);
  await log.closed;
  await connection.finish(job, {}, offset);
  await archived(plane, runId);
  return { plane, runId, key: logKey(plane.workspaceId, runId), text: texts.join("") };
}

async function archived(plane: Plane, runId: string): Promise<void> {
  await waitFor(async () => {
    const found = await sql(plane, runId, "SELECT value FROM meta WHERE key = 'archived_at'");
    return found.length > 0 ? { ok: true, value: null } : { ok: false, seen: "not archived" };
  }, "the archive");
}

async function sql(plane: Plane, runId: string, statement: string): Promise<unknown[]> {
  return runInDurableObject(plane.roomStub(runId), (_, { storage }) => storage.sql.exec(statement).toArray());
}

/** As when the linger is over. */
async function forget(plane: Plane, runId: string): Promise<void> {
  await sql(plane, runId, "UPDATE meta SET value = '1' WHERE key = 'archived_at'");
  await runDurableObjectAlarm(plane.roomStub(runId));
  if ((await sql(plane, runId, "SELECT 1 FROM sqlite_master WHERE name = 'frames'")).length > 0) {
    throw new Error("the room has not forgotten its tables");
  }
}

async function logText({ plane, runId }: Printed, query = ""): Promise<string> {
  return (await plane.call("GET", `/runs/${runId}/logs${query}`)).text();
}

/** 60,000 bytes each: some 16 to a block. The last one of a block ends within a line. */
const MANY = Array.from({ length: 40 }, (_value, at) =>
  Array.from({ length: 600 }, (_line, line) => `${String(at * 600 + line).padStart(99, "x")}\n`).join(""),
);

describe("the archive of a log", () => {
  test("holds blocks that gunzip reads, and gives every place back without reading what lies before", async ({
    expect,
  }) => {
    const run = await printed(MANY);
    const { plane, runId, key, text } = run;
    await forget(plane, runId);
    const blocks = (await readTable(blobs, key)) ?? [];
    expect(blocks.length).toBeGreaterThan(2);
    expect(Math.max(...blocks.map(({ rawBytes }) => rawBytes))).toBeLessThanOrEqual(1_048_576);
    const blob = await blobs.get(key);
    const bytes = blob === null ? new Uint8Array(0) : await readAll(blob);
    expect(bytes.length).toBeLessThan(text.length / 3);
    const ends = blocks.reduce((sum, block) => sum + block.bytes, 0);
    const records = gunzipSync(bytes.subarray(0, ends));
    expect(records.length).toBe(blocks.reduce((sum, block) => sum + block.rawBytes, 0));
    expect(await logText(run)).toBe(text);
    // The first block is damaged from here on: whoever reads it is told, whoever does not need it is not.
    const damaged = bytes.slice();
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    await blobs.put(key, damaged);
    const from = text.length - 1_234_567;
    expect(await logText(run, `?cursor=1:${from}`)).toBe(text.slice(from));
    const lines = (await logText(run, `?format=ndjson&cursor=1:${text.length - 60_000}`)).trimEnd().split("\n");
    expect(lines).toHaveLength(600);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ seq: 24_000, text: "x".repeat(94) + "23999" });
    const viewer = openInbox(
      await plane.call("GET", `/runs/${runId}/live?cursor=1:${text.length - 60_000}`, undefined, {
        upgrade: "websocket",
      }),
    );
    const decoded = decodeLogFrame(await viewer.binary());
    expect(decoded.ok ? decoded.frame.header.offset : null).toBe(text.length - 60_000);
    viewer.socket.close(1000);
    await viewer.closed;
    await expect(logText(run)).rejects.toThrow();
  });

  test("is finished by the next turn after the object left memory while it packed, or before it noted the end", async ({
    expect,
  }) => {
    const run = await printed(MANY);
    const { plane, runId, key, text } = run;
    const first = await blobs.get(key);
    const before = first === null ? null : await readAll(first);
    for (const lost of ["DELETE FROM blocks WHERE k > 1", "SELECT 1"]) {
      await sql(plane, runId, lost);
      await sql(plane, runId, "DELETE FROM meta WHERE key = 'archived_at'");
      await sql(plane, runId, "INSERT OR REPLACE INTO meta (key, value) VALUES ('close_at', '1')");
      await blobs.delete(key);
      await evictDurableObject(plane.roomStub(runId));
      expect(await logText(run)).toBe(text);
      await runInDurableObject(plane.roomStub(runId), (_, { storage }) => storage.setAlarm(Date.now() + 60_000));
      await runDurableObjectAlarm(plane.roomStub(runId));
      await archived(plane, runId);
      const again = await blobs.get(key);
      expect(again === null ? null : await readAll(again)).toEqual(before);
    }
    await forget(plane, runId);
    expect(await logText(run)).toBe(text);
  });

  test("of a version without blocks is read as before", async ({ expect }) => {
    const run = await printed(["one\n", "two\n"]);
    const { plane, runId, key } = run;
    await forget(plane, runId);
    const frames = [
      await makeFrame({ attempt: 1, seq: 0, offset: 0 }, "old\n"),
      await makeFrame({ attempt: 1, seq: 1, offset: 4 }, "log\n"),
    ];
    const records = frames.flatMap((frame) => {
      const bytes = new Uint8Array(frame);
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, bytes.length);
      return [...length, ...bytes];
    });
    await blobs.put(key, new Uint8Array(records));

    expect(await logText(run)).toBe("old\nlog\n");
    expect(await logText(run, "?cursor=1:4")).toBe("log\n");
    expect(await logText(run, "?format=ndjson&cursor=1:4")).toContain('"seq":2');
    await blobs.put(key, new Uint8Array(records.slice(0, -1)));
    await expect(logText(run)).rejects.toThrow();
  });
});

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { decodeLogFrame, type LogServerMessage, type RunLiveMessage } from "@cronium/protocol";
import { describe, test } from "vitest";
import { signLogToken } from "../../src/services/log-tokens.ts";
import { connect, dialLog, makeFrame, registerFake, type LogSocket } from "./fake-runner.ts";
import { openInbox } from "./inbox.ts";
import { makePlane, ORIGIN, waitFor, type Plane } from "./plane.ts";
import { openWriter, print, type Printing, startPrinting, watch } from "./printing.ts";

type FromServer<T extends LogServerMessage["type"]> = Extract<LogServerMessage, { type: T }>;
type Live<T extends RunLiveMessage["type"]> = Extract<RunLiveMessage, { type: T }>;

function payload(bytes: Uint8Array): string {
  const decoded = decodeLogFrame(bytes);
  return decoded.ok ? new TextDecoder().decode(decoded.frame.payload) : decoded.message;
}

async function logText(plane: Plane, runId: string, query = ""): Promise<string> {
  const response = await plane.call("GET", `/runs/${runId}/logs${query}`);
  return response.text();
}

async function end(log: LogSocket, totalBytes: number, attempt = 1): Promise<void> {
  log.socket.send(JSON.stringify({ type: "end", attempt, totalBytes, gaps: 0, truncated: false }));
  await log.text<FromServer<"ended">>("ended");
}

describe("the runner's socket", () => {
  test("needs the token of its own run and attempt", async ({ expect }) => {
    const { runId, token } = await startPrinting();
    const other = await startPrinting();
    for (const bad of ["x", `${token}x`, other.token, `${token.slice(0, -2)}AA`]) {
      const response = await dialLog(runId, bad);
      expect(response.status, bad).toBe(401);
      expect(await response.json()).toMatchObject({ code: "invalid_token" });
    }
    expect((await dialLog("run_x", token)).status).toBe(400);
    const scope = { workspaceId: other.plane.workspaceId, runId, attempt: 1, capBytes: 1_024 };
    const expired = signLogToken("only-for-tests-".padEnd(32, "b"), scope, 0);
    expect((await dialLog(runId, expired)).status).toBe(401);
    const headers = { upgrade: "websocket", authorization: `Bearer ${token}`, cookie: "a=b" };
    const withCookie = await exports.default.fetch(new Request(`${ORIGIN}/api/v1/runner/logs/${runId}`, { headers }));
    expect(withCookie.status).toBe(403);
  });

  test("says where to go on, and acknowledges what is stored", async ({ expect }) => {
    const { runId, token, log } = await startPrinting();
    expect(log.resume).toEqual({ type: "resume", attempt: 1, seq: 0, offset: 0 });
    await print(log, 0, 0, "hello\n");
    const again = await openWriter(runId, token);
    expect(again.resume).toEqual({ type: "resume", attempt: 1, seq: 1, offset: 6 });
    expect((await log.closed).code).toBe(4409);
  });

  test("F5 takes the same frame again and keeps it once", async ({ expect }) => {
    const { plane, runId, log } = await startPrinting();
    const frame = await makeFrame({ attempt: 1, seq: 0, offset: 0 }, "once\n");
    for (let i = 0; i < 3; i += 1) {
      log.write(frame);
      await log.text("ack");
    }
    expect(await logText(plane, runId)).toBe("once\n");
  });

  test("B35 other bytes at the same place, a hole, and a wrong hash are refused and harm nothing", async ({
    expect,
  }) => {
    const { plane, runId, log } = await startPrinting();
    await print(log, 0, 0, "first\n");
    const bad: [Uint8Array, string][] = [
      [await makeFrame({ attempt: 1, seq: 0, offset: 0 }, "other\n"), "log_conflict"],
      [await makeFrame({ attempt: 1, seq: 2, offset: 9 }, "x"), "log_gap"],
      [await makeFrame({ attempt: 1, seq: 1, offset: 3 }, "x"), "log_conflict"],
    ];
    const forged = await makeFrame({ attempt: 1, seq: 1, offset: 6 }, "abc");
    forged[forged.length - 1] = 0x7a;
    bad.push([forged, "log_conflict"]);
    for (const [frame, code] of bad) {
      log.write(frame);
      expect(await log.text<FromServer<"error">>("error")).toMatchObject({ code });
      expect(await log.text<FromServer<"ack">>("ack")).toMatchObject({ seq: 1, offset: 6 });
    }
    await print(log, 1, 6, "second\n");
    expect(await logText(plane, runId)).toBe("first\nsecond\n");
  });

  test("closes on what is not a frame, and on another attempt", async ({ expect }) => {
    const { runId, token, log } = await startPrinting();
    log.write(new Uint8Array([0, 0, 0, 99, 1]));
    expect(await log.text("error")).toMatchObject({ code: "invalid_frame" });
    expect((await log.closed).code).toBe(1007);
    const second = await openWriter(runId, token);
    second.write(await makeFrame({ attempt: 2, seq: 0, offset: 0 }, "x"));
    expect(await second.text("error")).toMatchObject({ code: "stale_attempt" });
    expect((await second.closed).code).toBe(1008);
    const third = await openWriter(runId, token);
    third.socket.send("what");
    expect((await third.closed).code).toBe(1008);
  });

  test("an end that claims more than is stored asks for the rest", async ({ expect }) => {
    const { log } = await startPrinting();
    await print(log, 0, 0, "abc");
    log.socket.send(JSON.stringify({ type: "end", attempt: 1, totalBytes: 9, gaps: 0, truncated: false }));
    expect(await log.text("error")).toMatchObject({ code: "log_gap" });
    await print(log, 1, 3, "def456");
    await end(log, 9);
    await end(log, 9);
    log.write(await makeFrame({ attempt: 1, seq: 2, offset: 9 }, "late"));
    expect(await log.text("error")).toMatchObject({ code: "log_conflict" });
  });

  test("an older attempt's socket is closed to writing once the next attempt prints", async ({ expect }) => {
    const { plane, connection, runId, token, log } = await startPrinting();
    await print(log, 0, 0, "one\n");
    await connection.close();
    await plane.until(runId, (run) => run.state === "queued", "the loss");
    const other = await connect(await registerFake(plane));
    const job = await other.job();
    const second = await openWriter(runId, await other.accept(job));
    expect(second.resume).toMatchObject({ attempt: 2, seq: 0, offset: 0 });
    await print(second, 0, 0, "two\n", 2);
    const old = openInbox(await dialLog(runId, token));
    expect(await old.text("error")).toMatchObject({ code: "stale_attempt" });
    expect(await logText(plane, runId)).toBe("one\ntwo\n");
    expect(await logText(plane, runId, "?attempt=2")).toBe("two\n");
  });
});

describe("a room of the first layout", () => {
  /** The tables as version 1 made them, with the rows that are there. */
  const TO_1 = `
    ALTER TABLE frames RENAME TO frames_2;
    CREATE TABLE frames (
      n INTEGER PRIMARY KEY AUTOINCREMENT, attempt INTEGER NOT NULL, seq INTEGER NOT NULL, start INTEGER NOT NULL,
      length INTEGER NOT NULL, stream TEXT NOT NULL, sha256 TEXT NOT NULL, bytes BLOB NOT NULL, UNIQUE (attempt, seq)
    );
    INSERT INTO frames (attempt, seq, start, length, stream, sha256, bytes)
      SELECT 1, n % 4294967296 - 1, start, length, 'stdout', '', bytes FROM frames_2;
    DROP TABLE frames_2;
    UPDATE attempts SET next_seq = 2, next_offset = 8;
    UPDATE meta SET value = '1' WHERE key = 'layout';
  `;

  test("goes on where it was", async ({ expect }) => {
    const { plane, runId, log } = await startPrinting();
    await print(log, 0, 0, "one\n");
    await print(log, 1, 4, "two\n");
    await runInDurableObject(plane.roomStub(runId), (_, { storage }) => void storage.sql.exec(TO_1));
    await evictDurableObject(plane.roomStub(runId));

    await print(log, 1, 4, "two\n");
    await print(log, 2, 8, "three\n");
    await end(log, 14);

    expect(await logText(plane, runId)).toBe("one\ntwo\nthree\n");
  });
});

describe("viewers", () => {
  test("get what is stored, then what comes, without a seam", async ({ expect }) => {
    const { plane, runId, log } = await startPrinting();
    await print(log, 0, 0, "a");
    await print(log, 1, 1, "b");
    const viewer = await watch({ plane, runId });
    expect((await viewer.text<Live<"run">>("run")).run.id).toBe(runId);
    expect([payload(await viewer.binary()), payload(await viewer.binary())]).toEqual(["a", "b"]);
    expect((await viewer.text<Live<"caught_up">>("caught_up")).cursor).toBe("1:2");
    await print(log, 2, 2, "c");
    expect(payload(await viewer.binary())).toBe("c");
    const resumed = await watch({ plane, runId }, "?cursor=1:2");
    expect(payload(await resumed.binary())).toBe("c");
    await resumed.text("caught_up");
    expect(viewer.waiting.filter((message) => typeof message !== "string")).toEqual([]);
  });

  test("that join while frames pour in miss none and see none twice", async ({ expect }) => {
    const { plane, runId, log } = await startPrinting();
    const total = 300;
    const filler = "x".repeat(4_000);
    const writing = (async () => {
      let offset = 0;
      for (let seq = 0; seq < total; seq += 1) {
        const text = `${seq}:${filler}\n`;
        log.write(await makeFrame({ attempt: 1, seq, offset }, text));
        offset += text.length;
      }
    })();
    const viewers = await Promise.all(Array.from({ length: 3 }, () => watch({ plane, runId })));
    await writing;
    for (const viewer of viewers) {
      const seen: number[] = [];
      while (seen.length < total) {
        seen.push(Number(payload(await viewer.binary()).split(":")[0]));
      }
      expect(seen).toEqual(Array.from({ length: total }, (_, i) => i));
    }
  });

  test("hear of changes of the run and of the end of the log", async ({ expect }) => {
    const { plane, connection, runId, log } = await startPrinting();
    const viewer = await watch({ plane, runId });
    await viewer.text("caught_up");
    await print(log, 0, 0, "x");
    await end(log, 1);
    expect(await viewer.text("log_end")).toEqual({ type: "log_end", attempt: 1, logState: "complete" });
    await connection.finish({ runId, attempt: 1 }, {}, 1);
    const last = await viewer.text<Live<"run">>("run", ({ run }) => run.state === "succeeded");
    expect(last.run.logBytes).toBe(1);
  });

  test("survive the room's sleep", async ({ expect }) => {
    const { plane, runId, log } = await startPrinting();
    const viewer = await watch({ plane, runId });
    await viewer.text("caught_up");
    await evictDurableObject(plane.roomStub(runId));
    await print(log, 0, 0, "awake\n");
    expect(payload(await viewer.binary())).toBe("awake\n");
  });

  test("of a run that waits see it change", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger();
    const viewer = await watch({ plane, runId });
    await viewer.text("caught_up");
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    const last = await viewer.text<Live<"run">>("run", ({ run }) => run.state === "cancelled");
    expect(last.run.cancelReason).toBe("user");
  });

  test("that say anything but ping are closed", async ({ expect }) => {
    const { plane, runId } = await startPrinting();
    const viewer = await watch({ plane, runId });
    viewer.socket.send("hello");
    expect((await viewer.closed).code).toBe(1008);
  });

  test("B8 of foreign, malformed and unknown runs are refused before the upgrade", async ({ expect }) => {
    const { plane, runId } = await startPrinting();
    const stranger = await makePlane();
    const upgrade = { upgrade: "websocket" };
    expect((await stranger.call("GET", `/runs/${runId}/live`, undefined, upgrade)).status).toBe(404);
    expect((await plane.call("GET", "/runs/run_x/live", undefined, upgrade)).status).toBe(400);
    expect((await plane.call("GET", `/runs/${runId}/live?cursor=x`, undefined, upgrade)).status).toBe(400);
    expect((await plane.call("GET", `/runs/${runId}/live`)).status).toBe(422);
    expect((await stranger.call("GET", `/runs/${runId}/logs`)).status).toBe(404);
  });
});

describe("reading the log", () => {
  test("gives the bytes as printed, by stream, from a cursor and as a file", async ({ expect }) => {
    const { plane, runId, log } = await startPrinting();
    const bytes = new Uint8Array([0x61, 0xff, 0x0a]);
    log.write(await makeFrame({ attempt: 1, seq: 0, offset: 0 }, bytes));
    log.write(await makeFrame({ attempt: 1, seq: 1, offset: 3, stream: "stderr" }, "err\n"));
    await log.text<FromServer<"ack">>("ack", ({ seq }) => seq === 2);
    const response = await plane.call("GET", `/runs/${runId}/logs?stream=stdout&download=1`);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
      "content-disposition": `attachment; filename="${runId}.log"`,
    });
    expect(await logText(plane, runId, "?cursor=1:4")).toBe("rr\n");
    expect((await plane.call("GET", `/runs/${runId}/logs?cursor=4`)).status).toBe(400);
  });

  test("as lines numbers them over both streams", async ({ expect }) => {
    const { plane, runId, log } = await startPrinting();
    log.write(await makeFrame({ attempt: 1, seq: 0, offset: 0 }, "one\ntw"));
    log.write(await makeFrame({ attempt: 1, seq: 1, offset: 6, stream: "stderr" }, "oops\n"));
    log.write(await makeFrame({ attempt: 1, seq: 2, offset: 11 }, "o\nrest"));
    await log.text<FromServer<"ack">>("ack", ({ seq }) => seq === 3);
    const lines = async (query: string): Promise<unknown[]> =>
      (await logText(plane, runId, `?format=ndjson${query}`))
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
    const at = "2023-11-14T22:13:20.000Z";
    expect(await lines("")).toEqual([
      { seq: 1, attempt: 1, stream: "stdout", at, text: "one" },
      { seq: 2, attempt: 1, stream: "stderr", at, text: "oops" },
      { seq: 3, attempt: 1, stream: "stdout", at, text: "two" },
      { seq: 4, attempt: 1, stream: "stdout", at, text: "rest" },
    ]);
    expect(await lines("&stream=stderr")).toHaveLength(1);
    expect(await lines("&cursor=1:11")).toMatchObject([{ seq: 3 }, { seq: 4 }]);
  });

  test("of a run that printed nothing is empty", async ({ expect }) => {
    const plane = await makePlane();
    expect(await logText(plane, await plane.trigger())).toBe("");
  });
});

describe("the archive", () => {
  async function finishAndArchive(printing: Printing): Promise<void> {
    const { plane, connection, runId } = printing;
    await connection.finish({ runId, attempt: 1 }, {}, 8);
    await waitFor(async () => {
      const found = await runInDurableObject(plane.roomStub(runId), (_, { storage }) =>
        storage.sql.exec("SELECT value FROM meta WHERE key = 'archived_at'").toArray(),
      );
      return found.length > 0 ? { ok: true, value: null } : { ok: false, seen: "not archived" };
    }, "the archive");
  }

  /** As when the linger is over: the alarm finds the archive old enough. */
  async function forget(plane: Plane, runId: string): Promise<void> {
    await runInDurableObject(plane.roomStub(runId), (_, { storage }) => {
      storage.sql.exec("UPDATE meta SET value = '1' WHERE key = 'archived_at'");
    });
    await runDurableObjectAlarm(plane.roomStub(runId));
  }

  test("answers in place of the tables, byte for byte, after the room has forgotten", async ({ expect }) => {
    const printing = await startPrinting();
    const { plane, runId, token, log } = printing;
    await print(log, 0, 0, "one\n");
    await print(log, 1, 4, "two\n");
    await end(log, 8);
    log.socket.close(1000);
    await log.closed;
    await finishAndArchive(printing);
    await forget(plane, runId);
    const rows = await runInDurableObject(plane.roomStub(runId), (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'frames'").toArray(),
    );
    expect(rows).toEqual([]);
    expect(await logText(plane, runId)).toBe("one\ntwo\n");
    expect(await logText(plane, runId, "?format=ndjson&cursor=1:4")).toContain('"text":"two"');
    const viewer = await watch({ plane, runId }, "?cursor=1:4");
    expect(payload(await viewer.binary())).toBe("two\n");
    expect(await viewer.text("caught_up")).toMatchObject({ cursor: "1:8" });
    expect(await viewer.text("log_end")).toMatchObject({ logState: "complete" });
    await evictDurableObject(plane.roomStub(runId));
    const late = openInbox(await dialLog(runId, token));
    expect(await late.text("error")).toMatchObject({ code: "attempt_not_active" });
    expect((await late.closed).code).toBe(1008);
  });

  test("waits for viewers before it forgets", async ({ expect }) => {
    const printing = await startPrinting();
    const { plane, runId, log } = printing;
    await print(log, 0, 0, "12345678");
    await end(log, 8);
    const viewer = await watch({ plane, runId });
    await viewer.text("caught_up");
    await finishAndArchive(printing);
    await forget(plane, runId);
    const rows = await runInDurableObject(plane.roomStub(runId), (_, { storage }) =>
      storage.sql.exec("SELECT n FROM frames").toArray(),
    );
    expect(rows).toHaveLength(1);
  });

  test("a log that never ended is closed as incomplete when its time is over", async ({ expect }) => {
    const { plane, connection, runId, log } = await startPrinting();
    await print(log, 0, 0, "half");
    const viewer = await watch({ plane, runId });
    await viewer.text("caught_up");
    await connection.finish({ runId, attempt: 1 }, {}, 4);
    await viewer.text<Live<"run">>("run", ({ run }) => run.state === "succeeded");
    await waitFor(async () => {
      const found = await runInDurableObject(plane.roomStub(runId), (_, { storage }) =>
        storage.sql.exec("UPDATE meta SET value = '1' WHERE key = 'close_at' RETURNING 1").toArray(),
      );
      return found.length > 0 ? { ok: true, value: null } : { ok: false, seen: "no deadline" };
    }, "the deadline");
    await runDurableObjectAlarm(plane.roomStub(runId));
    expect(await viewer.text("log_end")).toMatchObject({ logState: "incomplete" });
    expect((await log.closed).code).toBe(1000);
    expect(await logText(plane, runId)).toBe("half");
  });
});

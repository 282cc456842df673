/** Bad frames on the control connection of a runner, over both transports, and on the sockets of a log. */
import { runInDurableObject } from "cloudflare:test";
import { MAX_FRAME_BYTES } from "@cronium/protocol";
import { afterEach, describe, test } from "vitest";
import {
  closeAll,
  connect,
  dial,
  link,
  makeFrame,
  makeHello,
  newEpoch,
  openLog,
  registerFake,
  success,
  type Connection,
} from "./fake-runner.ts";
import { openInbox } from "./inbox.ts";
import { makePlane, type Plane } from "./plane.ts";

afterEach(async () => {
  await closeAll();
  link.transport = "websocket";
});

interface Story {
  readonly plane: Plane;
  readonly connection: Connection;
  readonly runId: string;
  readonly token: string;
}

/** A run whose first attempt this runner has started. */
async function running(): Promise<Story> {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane));
  const runId = await plane.trigger();
  const token = await connection.accept(await connection.job());
  connection.send({ type: "started", runId, attempt: 1 });
  await plane.until(runId, ({ state }) => state === "running", "the start");
  return { plane, connection, runId, token };
}

/** All that the Dispatcher knows of runs and attempts, but for how long each lease still runs. */
function rowsOf(plane: Plane): Promise<unknown> {
  return runInDurableObject(plane.dispatcherStub, (_, { storage }) =>
    ["runs", "attempts", "payloads"].map((table) =>
      storage.sql
        .exec(`SELECT * FROM ${table} ORDER BY 1, 2`)
        .toArray()
        .map(({ deadline_at: _deadline, ...row }) => row),
    ),
  );
}

/** Nothing of the frame counted; its runner is gone, so the attempt may be lost by now. */
async function isUnharmed({ plane, runId }: Story): Promise<boolean> {
  const { state, output, exitCode, failReason, attempts } = await plane.run(runId);
  const [first] = attempts;
  return (
    ["running", "queued"].includes(state) &&
    ["running", "lost"].includes(first?.state ?? "") &&
    [output, exitCode, failReason, first?.exitCode].every((value) => value === null)
  );
}

describe.for(["websocket", "polling"] as const)("over %s", (transport) => {
  const frames: readonly [string, unknown, string, number][] = [
    ["B33 an unknown type", { type: "dance" }, "invalid_frame", 1008],
    ["B33 no type", { runId: "run_x" }, "invalid_frame", 1008],
    ["B33 a list", [], "invalid_frame", 1008],
    ["B2 trailing data", '{"type":"bye"} {}', "invalid_frame", 1007],
    ["B2 a byte order mark", '\ufeff{"type":"bye"}', "invalid_frame", 1007],
    ["B2 a lone surrogate", '{"type":"bye","a":"\\ud800"}', "invalid_frame", 1007],
    ["B3 too deep", "[".repeat(100), "invalid_frame", 1007],
    ["B4 a key twice", '{"type":"bye","type":"bye"}', "invalid_frame", 1007],
    ["B5 an unknown field", { type: "bye", workspace_id: "ws_x" }, "invalid_frame", 1008],
    ["B6 a forbidden key", '{"type":"bye","__proto__":{}}', "invalid_frame", 1007],
    ["B7 a number as a text", { type: "started", runId: "run_x", attempt: "1" }, "invalid_frame", 1008],
    ["B7 attempt 0", { type: "started", runId: "run_x", attempt: 0 }, "invalid_frame", 1008],
    ["B7 2^53+1", '{"type":"started","runId":"x","attempt":9007199254740993}', "invalid_frame", 1007],
    ["B8 an id of 10 KB", { type: "started", runId: "r".repeat(10_000), attempt: 1 }, "invalid_frame", 1008],
    ["B33 no jobs", { type: "accept", jobs: [] }, "invalid_frame", 1008],
  ];
  test.for(frames)(
    "%s ends the connection with its reason and changes nothing",
    async ([, frame, code, close], { expect }) => {
      link.transport = transport;
      const story = await running();
      const { connection } = story;
      connection.inbox.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
      expect(await connection.next("error")).toMatchObject({ code, message: expect.stringMatching(/.{10}/) });
      expect((await connection.inbox.closed).code).toBe(close);
      expect(await isUnharmed(story)).toBe(true);
    },
  );

  const results: readonly [string, object][] = [
    ['exit code "0"', { exitCode: "0" }],
    ["exit code 256", { exitCode: 256 }],
    ["exit code -1", { exitCode: -1 }],
    ["exit code 1.5", { exitCode: 1.5 }],
    ["an unknown outcome", { outcome: "exploded" }],
    ["an unknown reason", { outcome: "failed", failReason: "gremlins" }],
    ["a negative duration", { durationMs: -1 }],
    ["an unknown field", { uid: 0 }],
  ];
  test.for(results)("B36 a result with %s is an invalid_result and harms no run", async ([, change], { expect }) => {
    link.transport = transport;
    const story = await running();
    const { connection, runId } = story;
    const frame = { type: "exited", runId, attempt: 1, result: { ...success, ...change } };
    connection.inbox.socket.send(JSON.stringify(frame));
    expect(await connection.next("error")).toMatchObject({ code: "invalid_result" });
    expect((await connection.inbox.closed).code).toBe(1008);
    expect(await isUnharmed(story)).toBe(true);
  });

  test("B36 a second, different result changes nothing of the first", async ({ expect }) => {
    link.transport = transport;
    const { plane, connection, runId } = await running();
    connection.send({ type: "exited", runId, attempt: 1, result: { ...success, output: 1 } });
    await connection.next("ack", ({ of }) => of === "exited");
    const before = await rowsOf(plane);
    connection.send({
      type: "exited",
      runId,
      attempt: 1,
      result: { ...success, exitCode: 3, outcome: "failed", output: 2 },
    });
    expect(await connection.next("stale")).toMatchObject({ runId, attempt: 1 });
    expect(await rowsOf(plane)).toEqual(before);
    connection.send({ type: "done", jobs: [{ runId, attempt: 1, logBytes: 0, logState: "complete" }] });
    const run = await plane.until(runId, ({ finishedAt }) => finishedAt !== null, "the end");
    expect(run).toMatchObject({ state: "succeeded", output: 1, exitCode: 0 });
  });

  test("I17 what is foreign, stale or of no run changes nothing, whatever it says", async ({ expect }) => {
    link.transport = transport;
    const { plane, connection, runId } = await running();
    const stranger = await connect(await registerFake(plane), { notReady: ["docker_down"] });
    const before = await rowsOf(plane);
    const other = "run_01m7xqece7rd9cwj5ny98npjgv";
    const said: [Connection, string, number][] = [
      [stranger, runId, 1],
      [stranger, other, 1],
      [connection, runId, 2],
      [connection, runId, 2_000_000_000],
      [connection, other, 1],
      [connection, "../../etc/passwd", 1],
    ];
    for (const [index, [speaker, id, attempt]] of said.entries()) {
      const refs = { runId: id, attempt };
      speaker.send({ type: "started", ...refs });
      speaker.send({ type: "exited", ...refs, result: { ...success, output: "forged" } });
      speaker.send({ type: "done", jobs: [{ ...refs, logBytes: 9, logState: "truncated" }] });
      speaker.send({ type: "decline", ...refs, reason: "policy_denied", message: "forged" });
      speaker.send({ type: "accept", jobs: [refs] });
      // Answered after all that came before it.
      speaker.send({ type: "renew", id: index + 1, attempts: [refs] });
      expect(await speaker.next("renewed", (answer) => answer.id === index + 1)).toMatchObject({ stale: [refs] });
      expect(speaker.inbox.waiting.filter((text) => String(text).startsWith('{"type":"granted"'))).toEqual([]);
    }
    expect(await rowsOf(plane)).toEqual(before);
    expect((await plane.run(runId)).state).toBe("running");
  });

  test("I17 every frame five times, and the earlier ones again after the later, count once", async ({ expect }) => {
    link.transport = transport;
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await connection.job();
    const ref = { runId, attempt: 1 };
    const story = [
      { type: "accept" as const, jobs: [ref] },
      { type: "started" as const, ...ref },
      { type: "exited" as const, ...ref, result: { ...success, output: "first" } },
      { type: "done" as const, jobs: [{ ...ref, logBytes: 0, logState: "complete" as const }] },
    ];
    for (const [index, frame] of story.entries()) {
      for (let i = 0; i < 5; i += 1) {
        connection.send(frame);
      }
      for (const earlier of story.slice(0, index)) {
        connection.send(earlier);
      }
    }
    const run = await plane.until(runId, ({ finishedAt }) => finishedAt !== null, "the end");
    expect(run).toMatchObject({ state: "succeeded", output: "first", attempt: 1, attempts: [{ state: "succeeded" }] });
    const before = await rowsOf(plane);
    for (const frame of story.toReversed()) {
      connection.send(frame);
    }
    await connection.next("refused", (answer) => answer.runId === runId);
    expect(await rowsOf(plane)).toEqual(before);
  });
});

test("B33 a frame beyond the limit is refused, and binary ones are none", async ({ expect }) => {
  const { connection } = await running();
  connection.inbox.socket.send("x".repeat(MAX_FRAME_BYTES + 1));
  expect((await connection.next("error")).message).toContain(String(MAX_FRAME_BYTES));
  expect((await connection.inbox.closed).code).toBe(1009);
  const second = await running();
  second.connection.inbox.socket.send(new Uint8Array([1, 2]));
  expect((await second.connection.inbox.closed).code).toBe(1003);
});

test.for([0, -1, 99, 1e9])("B33 protocol %s in a hello is refused by version", async (protocol, { expect }) => {
  const runner = await registerFake(await makePlane());
  const inbox = openInbox(await dial(runner.runnerId));
  const { nonce } = await inbox.text<{ type: "challenge"; nonce: string }>("challenge");
  inbox.socket.send(JSON.stringify({ ...(await makeHello(runner, nonce, newEpoch())), protocol }));
  expect(await inbox.text<{ type: "error"; code: string }>("error")).toMatchObject({ code: "upgrade_required" });
  expect((await inbox.closed).code).toBe(4426);
});

describe("on a log socket", () => {
  const texts: readonly [string, string][] = [
    ["B33 a text that is no JSON", "what"],
    ["B33 an unknown type", '{"type":"dance"}'],
    ["B4 a key twice", '{"type":"end","attempt":1,"attempt":1,"totalBytes":0,"gaps":0,"truncated":false}'],
    ["B5 an unknown field", '{"type":"end","attempt":1,"totalBytes":0,"gaps":0,"truncated":false,"x":1}'],
    ["B7 a negative size", '{"type":"end","attempt":1,"totalBytes":-1,"gaps":0,"truncated":false}'],
    ["B35 the end of another attempt", '{"type":"end","attempt":2,"totalBytes":0,"gaps":0,"truncated":false}'],
  ];
  test.for(texts)("%s closes it, and the log stays open", async ([, text], { expect }) => {
    const { plane, runId, token } = await running();
    const log = await openLog(runId, token);
    log.write(await makeFrame({ attempt: 1, seq: 0, offset: 0 }, "kept\n"));
    await log.text("ack");
    log.socket.send(text);
    expect(await log.text("error")).toMatchObject({ code: "invalid_frame" });
    expect((await log.closed).code).toBe(1008);
    expect(await (await plane.call("GET", `/runs/${runId}/logs`)).text()).toBe("kept\n");
  });

  const headers: readonly [string, string][] = [
    [
      "B4 a header that names a key twice",
      '{"attempt":1,"attempt":1,"seq":0,"offset":0,"stream":"stdout","at":0,"sha256":"',
    ],
    ["B5 a header with an unknown field", '{"x":1,"attempt":1,"seq":0,"offset":0,"stream":"stdout","at":0,"sha256":"'],
    ["B7 a header with a text for a number", '{"attempt":1,"seq":"0","offset":0,"stream":"stdout","at":0,"sha256":"'],
    ["B33 a header without seq", '{"attempt":1,"offset":0,"stream":"stdout","at":0,"sha256":"'],
  ];
  test.for(headers)("%s closes it", async ([, start], { expect }) => {
    const { runId, token } = await running();
    const log = await openLog(runId, token);
    const header = new TextEncoder().encode(`${start}${"0".repeat(64)}"}`);
    const frame = new Uint8Array(4 + header.length);
    new DataView(frame.buffer).setUint32(0, header.length);
    frame.set(header, 4);
    log.write(frame);
    expect(await log.text("error")).toMatchObject({ code: "invalid_frame" });
    expect((await log.closed).code).toBe(1007);
  });

  test("B33 a frame beyond the limit is refused as too large", async ({ expect }) => {
    const { runId, token } = await running();
    const log = await openLog(runId, token);
    log.write(new Uint8Array(MAX_FRAME_BYTES + 1));
    expect(await log.text("error")).toMatchObject({ code: "invalid_frame" });
    expect((await log.closed).code).toBe(1009);
  });
});

/** Log frames in requests: every rule of a log socket holds, and a request may be repeated as a whole. */
import { exports } from "cloudflare:workers";
import type { LogBatch, LogBatchAnswer, LogClientMessage } from "@cronium/protocol";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, makeFrame, openLog, registerFake, type Connection } from "./fake-runner.ts";
import { makePlane, ORIGIN, type Plane } from "./plane.ts";

afterEach(closeAll);

interface Printing {
  readonly plane: Plane;
  readonly connection: Connection;
  readonly runId: string;
  readonly token: string;
  write(...texts: readonly (readonly [number, number, string])[]): Promise<LogBatchAnswer>;
  end(totalBytes: number): Promise<LogBatchAnswer>;
}

function post(runId: string, token: string, batch: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return exports.default.fetch(
    new Request(`${ORIGIN}/api/v1/runner/logs/${runId}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
      body: JSON.stringify(batch),
    }),
  );
}

async function startPrinting(): Promise<Printing> {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane));
  const runId = await plane.trigger();
  const token = await connection.accept(await connection.job());
  connection.send({ type: "started", runId, attempt: 1 });
  const send = async (batch: LogBatch): Promise<LogBatchAnswer> => {
    const response = await post(runId, token, batch);
    if (response.status !== 200) {
      throw new Error(`${response.status} ${await response.text()}`);
    }
    return response.json();
  };
  return {
    plane,
    connection,
    runId,
    token,
    write: async (...texts) =>
      send({
        frames: await Promise.all(
          texts.map(async ([seq, offset, text]) =>
            Buffer.from(await makeFrame({ attempt: 1, seq, offset }, text)).toString("base64"),
          ),
        ),
        end: null,
      }),
    end: (totalBytes) => send({ frames: [], end: endOf(totalBytes) }),
  };
}

function endOf(totalBytes: number): LogClientMessage {
  return { type: "end", attempt: 1, totalBytes, gaps: 0, truncated: false };
}

describe("log frames in requests", () => {
  test("are acknowledged up to the last, and an empty batch says where to go on", async ({ expect }) => {
    const { write, plane, runId } = await startPrinting();
    expect((await write()).messages).toEqual([{ type: "resume", attempt: 1, seq: 0, offset: 0 }]);
    expect((await write([0, 0, "one\n"], [1, 4, "two\n"])).messages).toEqual([
      { type: "ack", attempt: 1, seq: 2, offset: 8 },
    ]);
    expect((await write()).messages).toEqual([{ type: "resume", attempt: 1, seq: 2, offset: 8 }]);
    expect(await (await plane.call("GET", `/runs/${runId}/logs`)).text()).toBe("one\ntwo\n");
  });

  test("F5 that come again are kept once", async ({ expect }) => {
    const { write, plane, runId } = await startPrinting();
    await write([0, 0, "one\n"]);
    const again = await write([0, 0, "one\n"], [1, 4, "two\n"]);
    expect(again.messages).toEqual([{ type: "ack", attempt: 1, seq: 2, offset: 8 }]);
    expect(await (await plane.call("GET", `/runs/${runId}/logs`)).text()).toBe("one\ntwo\n");
  });

  test("B35 with other bytes, or with a hole before them, are refused with the place to go on from", async ({
    expect,
  }) => {
    const { write } = await startPrinting();
    await write([0, 0, "one\n"]);
    const conflict = await write([0, 0, "ONE\n"]);
    expect(conflict.messages).toMatchObject([
      { type: "error", code: "log_conflict" },
      { type: "ack", seq: 1, offset: 4 },
    ]);
    const gap = await write([5, 40, "far"]);
    expect(gap.messages).toMatchObject([
      { type: "error", code: "log_gap" },
      { type: "ack", seq: 1, offset: 4 },
    ]);
    expect(conflict.close).toBeNull();
  });

  test("end the log, however often the end is said", async ({ expect }) => {
    const { write, end, plane, connection, runId } = await startPrinting();
    await write([0, 0, "one\n"]);
    expect((await end(99)).messages).toMatchObject([{ type: "error", code: "log_gap" }, { type: "ack" }]);
    expect((await end(4)).messages).toEqual([{ type: "ended", attempt: 1 }]);
    expect((await end(4)).messages).toEqual([{ type: "ended", attempt: 1 }]);
    await connection.finish({ runId, attempt: 1 }, {}, 4);
    const run = await plane.until(runId, ({ state }) => state === "succeeded", "the end");
    expect(run).toMatchObject({ logState: "complete", logBytes: 4 });
  });

  test("may follow those of a socket, which a batch does not disturb but a new beginning closes", async ({
    expect,
  }) => {
    const { write, runId, token } = await startPrinting();
    const socket = await openLog(runId, token);
    socket.write(await makeFrame({ attempt: 1, seq: 0, offset: 0 }, "one\n"));
    await socket.text("ack");
    expect((await write([1, 4, "two\n"])).messages).toMatchObject([{ type: "ack", seq: 2 }]);
    expect((await write()).messages).toMatchObject([{ type: "resume", seq: 2 }]);
    expect((await socket.closed).code).toBe(4409);
  });

  test("need the token of their attempt, and no browser", async ({ expect }) => {
    const { runId, token } = await startPrinting();
    const empty = { frames: [], end: null };
    expect((await post(runId, `${token}x`, empty)).status).toBe(401);
    expect((await post(runId, token, empty, { cookie: "a=b" })).status).toBe(403);
    expect((await post(runId, token, { frames: ["#"], end: null })).status).toBe(422);
    const odd = await post(runId, token, { frames: ["AAAA"], end: null });
    expect(await odd.json()).toMatchObject({ messages: [{ code: "invalid_frame" }], close: { code: 1007 } });
  });
});

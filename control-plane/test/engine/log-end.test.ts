/** How a log ends: checked against what its runner sent, and held to the limit of its event. */
import { evictDurableObject } from "cloudflare:test";
import { createHash } from "node:crypto";
import type { LogServerMessage, RunLiveMessage } from "@cronium/protocol";
import { afterEach, test } from "vitest";
import { closeAll, connect, makeFrame, openLog, registerFake, type LogSocket } from "./fake-runner.ts";
import { openInbox, type Inbox } from "./inbox.ts";
import { makePlane, type Plane, type script } from "./plane.ts";

type FromServer<T extends LogServerMessage["type"]> = Extract<LogServerMessage, { type: T }>;
type Live<T extends RunLiveMessage["type"]> = Extract<RunLiveMessage, { type: T }>;

const sockets: Inbox[] = [];

afterEach(async () => {
  await Promise.all(
    sockets.splice(0).map((inbox) => {
      inbox.socket.close(1000);
      return inbox.closed;
    }),
  );
  await closeAll();
});

interface Printing {
  readonly plane: Plane;
  readonly runId: string;
  readonly log: LogSocket;
}

async function startPrinting(change: Partial<typeof script> & { readonly container?: object } = {}): Promise<Printing> {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane));
  const runId = await plane.trigger(change);
  const token = await connection.accept(await connection.job());
  connection.send({ type: "started", runId, attempt: 1 });
  const log = await openLog(runId, token);
  sockets.push(log);
  return { plane, runId, log };
}

async function print(log: LogSocket, seq: number, offset: number, text: string): Promise<void> {
  log.write(await makeFrame({ attempt: 1, seq, offset }, text));
  await log.text<FromServer<"ack">>("ack", (ack) => ack.seq === seq + 1);
}

function sayEnd(log: LogSocket, totalBytes: number, change: object = {}): void {
  log.socket.send(JSON.stringify({ type: "end", attempt: 1, totalBytes, gaps: 0, truncated: false, ...change }));
}

async function shownState({ plane, runId }: Printing): Promise<string> {
  const response = await plane.call("GET", `/runs/${runId}/live`, undefined, { upgrade: "websocket" });
  const viewer = openInbox(response);
  sockets.push(viewer);
  return (await viewer.text<Live<"log_end">>("log_end")).logState;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

test("a log is complete when its SHA-256 is what the runner sent, also after the room left memory", async ({
  expect,
}) => {
  for (const leaves of [false, true]) {
    const printing = await startPrinting();
    const { plane, runId, log } = printing;
    await print(log, 0, 0, "one\n");
    if (leaves) {
      await evictDurableObject(plane.roomStub(runId));
    }
    await print(log, 1, 4, "two\n");
    sayEnd(log, 8, { sha256: sha256("one\ntwo\n") });
    await log.text("ended");
    sayEnd(log, 8, { sha256: sha256("one\ntwo\n") });
    await log.text("ended");
    expect(log.waiting).toEqual([]);
    expect(await shownState(printing)).toBe("complete");
  }
});

test("B35 an end with the SHA-256 of other bytes leaves a log that says it is incomplete", async ({ expect }) => {
  for (const leaves of [false, true]) {
    const printing = await startPrinting();
    const { plane, runId, log } = printing;
    await print(log, 0, 0, "one\n");
    if (leaves) {
      await evictDurableObject(plane.roomStub(runId));
    }
    sayEnd(log, 4, { sha256: sha256("ONE\n") });
    expect(await log.text<FromServer<"error">>("error")).toMatchObject({ code: "log_conflict" });
    await log.text("ended");
    expect(await shownState(printing)).toBe("incomplete");
    expect(await (await plane.call("GET", `/runs/${runId}/logs`)).text()).toBe("one\n");
  }
});

test("a log that printed nothing has the SHA-256 of nothing", async ({ expect }) => {
  const { log } = await startPrinting();
  sayEnd(log, 0, { sha256: sha256("") });
  await log.text("ended");
  expect(log.waiting).toEqual([]);
});

test("B35 a SHA-256 that is none is refused", async ({ expect }) => {
  const { log } = await startPrinting();
  sayEnd(log, 0, { sha256: "ABC" });
  expect(await log.text<FromServer<"error">>("error")).toMatchObject({ code: "invalid_frame" });
  expect((await log.closed).code).toBe(1008);
});

test("T5 T6 a runner that does not hold its event's limit is held to it by the room", async ({ expect }) => {
  const printing = await startPrinting({ container: { logCapMb: 1 } });
  const { plane, runId, log } = printing;
  const piece = "x".repeat(65_536);
  const pieces = 40;
  for (let seq = 0; seq < pieces; seq += 1) {
    await print(log, seq, seq * piece.length, piece);
  }
  const total = pieces * piece.length;
  sayEnd(log, total, { sha256: sha256(piece.repeat(pieces)) });
  await log.text("ended");
  expect(log.waiting).toEqual([]);
  expect(await shownState(printing)).toBe("truncated");
  // The limit, and 1 MiB for remarks of the runner.
  const kept = await (await plane.call("GET", `/runs/${runId}/logs`)).text();
  expect(kept.length).toBe(2 * 1_048_576);
});

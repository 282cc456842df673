/** How a log ends: checked against what its runner sent, and held to the limit of its event. */
import { evictDurableObject } from "cloudflare:test";
import { createHash } from "node:crypto";
import type { LogServerMessage, RunLiveMessage } from "@cronium/protocol";
import { test } from "vitest";
import type { LogSocket } from "./fake-runner.ts";
import { print, type Printing, startPrinting, watch } from "./printing.ts";

type FromServer<T extends LogServerMessage["type"]> = Extract<LogServerMessage, { type: T }>;
type Live<T extends RunLiveMessage["type"]> = Extract<RunLiveMessage, { type: T }>;

function sayEnd(log: LogSocket, totalBytes: number, change: object = {}): void {
  log.socket.send(JSON.stringify({ type: "end", attempt: 1, totalBytes, gaps: 0, truncated: false, ...change }));
}

async function shownState(printing: Printing): Promise<string> {
  const viewer = await watch(printing);
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

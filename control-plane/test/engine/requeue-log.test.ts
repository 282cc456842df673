import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { decodeLogFrame, type LogServerMessage, type Run, type RunLiveMessage } from "@cronium/protocol";
import { describe, test } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import { daemonGone, exhaust } from "./dead-letter.ts";
import { connect, dialLog, makeFrame, openLog, registerFake, type Connection } from "./fake-runner.ts";
import { openInbox, type Inbox } from "./inbox.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";
import { openWriter, watch } from "./printing.ts";

type Live<T extends RunLiveMessage["type"]> = Extract<RunLiveMessage, { type: T }>;

const testEnv = env as unknown as Env;
interface Story {
  readonly plane: Plane;
  readonly connection: Connection;
  readonly runId: string;
  /** Log tokens of its attempts, in order. */
  readonly tokens: string[];
}

async function begin(): Promise<Story> {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane));
  return { plane, connection, runId: await plane.trigger(), tokens: [] };
}

/** The next attempt prints this and ends, as a success or for good. */
async function attempt(story: Story, texts: readonly string[], outcome: "succeeded" | "dead"): Promise<void> {
  const { plane, connection, runId } = story;
  const job = await connection.job();
  const token = await connection.accept(job);
  story.tokens.push(token);
  const log = await openLog(runId, token);
  let offset = 0;
  for (const [seq, text] of texts.entries()) {
    log.write(await makeFrame({ attempt: job.attempt, seq, offset }, text));
    offset += text.length;
  }
  log.socket.send(JSON.stringify({ type: "end", attempt: job.attempt, totalBytes: offset, gaps: 0, truncated: false }));
  await log.text<Extract<LogServerMessage, { type: "ended" }>>("ended");
  log.socket.close(1000);
  await log.closed;
  await exhaust(plane, runId);
  await connection.finish(job, outcome === "dead" ? daemonGone : {}, offset);
}

async function archived(plane: Plane, runId: string): Promise<void> {
  await waitFor(async () => {
    const found = await runInDurableObject(plane.roomStub(runId), (_, { storage }) =>
      storage.sql.exec("SELECT value FROM meta WHERE key = 'archived_at'").toArray(),
    );
    return found.length > 0 ? { ok: true, value: null } : { ok: false, seen: "not archived" };
  }, "the archive");
}

/** As when the linger is over: the alarm finds the archive old enough. */
async function forget(plane: Plane, runId: string): Promise<void> {
  await archived(plane, runId);
  await runInDurableObject(plane.roomStub(runId), (_, { storage }) => {
    storage.sql.exec("UPDATE meta SET value = '1' WHERE key = 'archived_at'");
  });
  await runDurableObjectAlarm(plane.roomStub(runId));
  const left = await runInDurableObject(plane.roomStub(runId), (_, { storage }) =>
    storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'frames'").toArray(),
  );
  if (left.length > 0) {
    throw new Error("the room has not forgotten its tables");
  }
}

async function requeue({ plane, runId }: Story): Promise<void> {
  await plane.expectJson(202, "POST", `/runs/${runId}/requeue`);
}

async function logText({ plane, runId }: Story, query = ""): Promise<string> {
  return (await plane.call("GET", `/runs/${runId}/logs${query}`)).text();
}

function at(bytes: Uint8Array): string {
  const decoded = decodeLogFrame(bytes);
  if (!decoded.ok) {
    return decoded.message;
  }
  const { header, payload } = decoded.frame;
  return `${header.attempt}:${header.offset} ${new TextDecoder().decode(payload)}`;
}

async function frames(viewer: Inbox, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    seen.push(at(await viewer.binary()));
  }
  return seen;
}

describe("the log of a requeued run", () => {
  test("goes on behind the attempts that were archived, also over a second requeue", async ({ expect }) => {
    const story = await begin();
    const { plane, runId } = story;
    await attempt(story, ["one\n", "uno\n"], "dead");
    await forget(plane, runId);
    await evictDurableObject(plane.roomStub(runId));
    await requeue(story);
    expect(await logText(story)).toBe("one\nuno\n");
    await attempt(story, ["two\n"], "dead");
    expect(await logText(story)).toBe("one\nuno\ntwo\n");
    await forget(plane, runId);
    expect(await logText(story)).toBe("one\nuno\ntwo\n");
    await requeue(story);
    await attempt(story, ["three\n"], "succeeded");
    await archived(plane, runId);
    expect(await logText(story)).toBe("one\nuno\ntwo\nthree\n");
    await forget(plane, runId);
    expect(await logText(story)).toBe("one\nuno\ntwo\nthree\n");
    expect(await logText(story, "?attempt=2")).toBe("two\n");
    expect(await logText(story, "?cursor=1:4")).toBe("uno\ntwo\nthree\n");
    const lines = (await logText(story, "?format=ndjson&cursor=2:0")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { seq: 3, attempt: 2, text: "two" },
      { seq: 4, attempt: 3, text: "three" },
    ]);
    expect(await plane.run(runId)).toMatchObject({ state: "succeeded", logState: "complete", logBytes: 18 });
  });

  test("goes on in the tables while they are still there", async ({ expect }) => {
    const story = await begin();
    await attempt(story, ["one\n"], "dead");
    await archived(story.plane, story.runId);
    await requeue(story);
    await attempt(story, ["two\n"], "succeeded");
    expect(await logText(story)).toBe("one\ntwo\n");
    await forget(story.plane, story.runId);
    expect(await logText(story)).toBe("one\ntwo\n");
  });

  test("is whole for viewers from every cursor, before, during and after", async ({ expect }) => {
    const story = await begin();
    const { plane, runId } = story;
    await attempt(story, ["one\n", "uno\n"], "dead");
    await forget(plane, runId);
    const early = await watch(story);
    expect(await frames(early, 2)).toEqual(["1:0 one\n", "1:4 uno\n"]);
    expect(await early.text("caught_up")).toMatchObject({ cursor: "1:8" });
    await requeue(story);
    await early.text<Live<"run">>("run", ({ run }) => run.state !== "failed");
    await attempt(story, ["two\n"], "succeeded");
    expect(await frames(early, 1)).toEqual(["2:0 two\n"]);
    await early.text<Live<"run">>("run", ({ run }) => run.state === "succeeded");
    const during = await watch(story);
    expect(await frames(during, 3)).toEqual(["1:0 one\n", "1:4 uno\n", "2:0 two\n"]);
    expect(await during.text("caught_up")).toMatchObject({ cursor: "2:4" });
    for (const [cursor, expected] of [
      ["1:4", ["1:4 uno\n", "2:0 two\n"]],
      ["1:8", ["2:0 two\n"]],
      ["2:0", ["2:0 two\n"]],
      ["2:4", []],
    ] as const) {
      const viewer = await watch(story, `?cursor=${cursor}`);
      expect(await frames(viewer, expected.length), cursor).toEqual(expected);
      expect(await viewer.text("caught_up"), cursor).toMatchObject({ cursor: "2:4" });
      expect(
        viewer.waiting.filter((message) => typeof message !== "string"),
        cursor,
      ).toEqual([]);
    }
  });

  test("takes nothing from a runner of an earlier attempt", async ({ expect }) => {
    const story = await begin();
    const { plane, connection, runId } = story;
    await attempt(story, ["one\n"], "dead");
    await forget(plane, runId);
    await evictDurableObject(plane.roomStub(runId));
    await plane.expectJson(200, "PATCH", "/settings", { concurrency: 1 });
    await requeue(story);
    const job = await connection.job();
    const [old = ""] = story.tokens;
    const refused = async (code: string): Promise<void> => {
      const inbox = openInbox(await dialLog(runId, old));
      expect(await inbox.text("error")).toMatchObject({ code });
      expect((await inbox.closed).code).toBe(1008);
    };
    // Only offered so far: the log is still that of the ended run.
    await refused("attempt_not_active");
    const log = await openWriter(runId, await connection.accept(job));
    expect(log.resume).toEqual({ type: "resume", attempt: 2, seq: 0, offset: 0 });
    await refused("stale_attempt");
    log.write(await makeFrame({ attempt: 2, seq: 0, offset: 0 }, "two\n"));
    await log.text("ack");
    await evictDurableObject(plane.roomStub(runId));
    await refused("stale_attempt");
    expect(await logText(story)).toBe("one\ntwo\n");
  });

  test("is not closed by the news of the end before, which came late", async ({ expect }) => {
    const story = await begin();
    const { plane, connection, runId } = story;
    await attempt(story, ["one\n"], "dead");
    const dead: Run = await plane.run(runId);
    await forget(plane, runId);
    await requeue(story);
    const job = await connection.job();
    const log = await openWriter(runId, await connection.accept(job));
    await makeDeps(testEnv).logRoomFor(plane.workspaceId, runId).finish(dead);
    log.write(await makeFrame({ attempt: 2, seq: 0, offset: 0 }, "two\n"));
    expect(await log.text("ack")).toMatchObject({ attempt: 2, seq: 1 });
    expect(await logText(story)).toBe("one\ntwo\n");
  });

  test("holds every byte once when its archive is written again after a crash", async ({ expect }) => {
    const story = await begin();
    const { plane, runId } = story;
    await attempt(story, ["one\n"], "dead");
    await forget(plane, runId);
    await requeue(story);
    await attempt(story, ["two\n"], "succeeded");
    await archived(plane, runId);
    // The blob is written, the note of it is lost with the object.
    await runInDurableObject(plane.roomStub(runId), (_, { storage }) => {
      storage.sql.exec("DELETE FROM meta WHERE key = 'archived_at'");
      storage.sql.exec("UPDATE meta SET value = '1' WHERE key = 'close_at'");
    });
    await evictDurableObject(plane.roomStub(runId));
    await runDurableObjectAlarm(plane.roomStub(runId));
    await forget(plane, runId);
    expect(await logText(story)).toBe("one\ntwo\n");
  });
});

import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import { GroupCommit } from "../../src/objects/dispatcher/group-commit.ts";
import type { Shell } from "../../src/objects/dispatcher/shell.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { closeAll, connect, registerFake, success } from "./fake-runner.ts";
import { makePlane } from "./plane.ts";

afterEach(closeAll);

/** Counts turns by the transactions that are opened. */
async function withShell(play: (shell: Shell, turns: () => number) => Promise<void>): Promise<void> {
  const plane = await makePlane();
  await runInDurableObject(plane.dispatcherStub, async (_instance, state: DurableObjectState) => {
    let turns = 0;
    const storage = new Proxy(state.storage, {
      get(target, name) {
        if (name === "transactionSync") {
          turns += 1;
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const deps = { ...makeDeps(env as unknown as Env), clock: { now: () => 1_000_000 } };
    const shell = openShell(state, deps);
    await play({ ...shell, ctx: { ...proxied(state), storage } as DurableObjectState }, () => turns);
  });
}

function proxied(state: DurableObjectState): Partial<DurableObjectState> {
  return { getWebSockets: (tag?: string) => state.getWebSockets(tag) };
}

const write = (shell: Shell, key: string) => (): string => {
  shell.sql.exec("INSERT INTO meta (key, value) VALUES (?, 'here')", key);
  return key;
};
const isThere = (shell: Shell, key: string): boolean =>
  shell.sql.exec("SELECT 1 FROM meta WHERE key = ?", key).toArray().length === 1;

describe("group commit", () => {
  test("one caller after another is answered at once, a crowd shares a turn", async ({ expect }) => {
    await withShell(async (shell, turns) => {
      const group = new GroupCommit(shell);
      const first = [group.call(write(shell, "a")), group.call(write(shell, "b"))];
      expect(turns()).toBe(2);
      const crowd = ["c", "d", "e", "f"].map((key) => group.call(write(shell, key)));
      expect(turns()).toBe(2);
      expect(isThere(shell, "c")).toBe(false);
      expect(await Promise.all([...first, ...crowd])).toEqual(["a", "b", "c", "d", "e", "f"]);
      expect(turns()).toBe(3);
    });
  });

  test("one that fails is told so, and undoes neither those before nor those after it", async ({ expect }) => {
    await withShell(async (shell) => {
      const group = new GroupCommit(shell);
      await Promise.all([group.call(write(shell, "a")), group.call(write(shell, "b"))]);
      const crowd = [
        group.call(write(shell, "c")),
        group.call(() => {
          write(shell, "half")();
          throw new Error("broken on purpose");
        }),
        group.call(write(shell, "d")),
      ];
      const results = await Promise.allSettled(crowd);
      expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(["c", "half", "d"].map((key) => isThere(shell, key))).toEqual([true, false, true]);
    });
  });

  test("frames of one socket are decided in the order they came in", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger();
    const connection = await connect(await registerFake(plane));
    const { attempt } = await connection.job();
    const ref = { runId, attempt };
    await connection.accept(ref);
    connection.send({ type: "started", ...ref });
    connection.send({ type: "exited", ...ref, result: { ...success, output: { sum: 3 } } });
    connection.send({ type: "done", jobs: [{ ...ref, logBytes: 0, logState: "complete" }] });
    expect(await connection.next("ack")).toMatchObject({ of: "exited", jobs: [ref] });
    expect(await connection.next("ack")).toMatchObject({ of: "done", jobs: [ref] });
    const run = await plane.until(runId, ({ state }) => state === "succeeded", "the end");
    expect(run).toMatchObject({ output: { sum: 3 }, attempts: [{ attempt: 1, state: "succeeded" }] });
    expect(run.startedAt).not.toBeNull();
  });

  test("jobs that end together are acknowledged together, each once", async ({ expect }) => {
    const plane = await makePlane();
    const ids = await Promise.all(Array.from({ length: 12 }, () => plane.trigger()));
    const connection = await connect(await registerFake(plane), { slots: 12 });
    const refs = [];
    for (const _ of ids) {
      const { runId, attempt } = await connection.job();
      refs.push({ runId, attempt });
    }
    connection.send({ type: "accept", jobs: refs });
    const { grants } = await connection.next("granted");
    expect(grants.map(({ runId }) => runId)).toEqual(refs.map(({ runId }) => runId));
    for (const ref of refs) {
      connection.send({ type: "started", ...ref });
      connection.send({ type: "exited", ...ref, result: success });
    }
    connection.send({
      type: "done",
      jobs: refs.map((ref) => ({ ...ref, logBytes: 0, logState: "complete" as const })),
    });
    const acknowledged: string[] = [];
    while (acknowledged.length < 24) {
      const { of, jobs } = await connection.next("ack");
      acknowledged.push(...jobs.map(({ runId }) => `${of} ${runId}`));
    }
    expect(new Set(acknowledged).size).toBe(24);
    await Promise.all(ids.map((id) => plane.until(id, ({ state }) => state === "succeeded", "the end")));
  });
});

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { PROTOCOL_VERSION, type ServerMessage } from "@cronium/protocol";
import { makeId } from "@cronium/protocol/ids";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, dial, makeHello, newEpoch, registerFake } from "./fake-runner.ts";
import { openInbox } from "./inbox.ts";
import { makePlane, outboxIsEmpty } from "./plane.ts";

type Of<T extends ServerMessage["type"]> = Extract<ServerMessage, { type: T }>;

afterEach(closeAll);

describe("before the upgrade", () => {
  test("B8 a malformed runner id is refused", async ({ expect }) => {
    const response = await dial("../x");
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_id" });
  });

  test("a runner that is not registered is refused", async ({ expect }) => {
    await makePlane();
    const response = await dial(makeId("runner", 1, new Uint8Array(10)));
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: "unauthorized" });
  });

  test("F12 a protocol that is too new, too old or missing is refused, naming both versions", async ({ expect }) => {
    const runner = await registerFake(await makePlane());
    for (const query of ["protocol=99", "protocol=0", "protocol=x", ""]) {
      const response = await dial(runner.runnerId, query);
      expect(response.status).toBe(426);
      const problem = await response.json<{ code: string; detail: string }>();
      expect(problem.code).toBe("upgrade_required");
      expect(problem.detail).toMatch(/control plane.* 1 /);
    }
  });

  test("B34 a cookie or an origin on a runner's socket is refused", async ({ expect }) => {
    const runner = await registerFake(await makePlane());
    for (const headers of [{ cookie: "a=b" }, { origin: "http://plane.test" }]) {
      expect((await dial(runner.runnerId, "protocol=1", headers)).status).toBe(403);
    }
    expect((await dial(runner.runnerId, "protocol=1", { upgrade: "h2c" })).status).toBe(422);
  });
});

describe("the challenge", () => {
  test("a signature over another socket's nonce does not open this one", async ({ expect }) => {
    const runner = await registerFake(await makePlane());
    const first = openInbox(await dial(runner.runnerId));
    const second = openInbox(await dial(runner.runnerId));
    const { nonce } = await first.text<Of<"challenge">>("challenge");
    const other = await second.text<Of<"challenge">>("challenge");
    expect(other.nonce).not.toBe(nonce);
    second.socket.send(JSON.stringify(await makeHello(runner, nonce, newEpoch())));
    expect(await second.text<Of<"error">>("error")).toMatchObject({ code: "unauthorized" });
    expect((await second.closed).code).toBe(4401);
    first.socket.close();
  });

  test("another runner's key, another runner's name and a broken signature are refused alike", async ({ expect }) => {
    const plane = await makePlane();
    const [runner, stranger] = [await registerFake(plane), await registerFake(plane)];
    const hellos = [
      (nonce: string) => makeHello({ ...runner, key: stranger.key }, nonce, newEpoch()),
      (nonce: string) => makeHello(stranger, nonce, newEpoch()),
      async (nonce: string) => ({ ...(await makeHello(runner, nonce, newEpoch())), signature: "!" }),
    ];
    for (const hello of hellos) {
      const inbox = openInbox(await dial(runner.runnerId));
      const { nonce } = await inbox.text<Of<"challenge">>("challenge");
      inbox.socket.send(JSON.stringify(await hello(nonce)));
      expect((await inbox.closed).code).toBe(4401);
    }
    expect(await plane.dispatcher.listRunners()).toEqual(
      expect.arrayContaining([expect.objectContaining({ id: runner.runnerId, state: "offline" })]),
    );
  });

  test("a hello with another protocol than the address is closed with 4426", async ({ expect }) => {
    const runner = await registerFake(await makePlane());
    const inbox = openInbox(await dial(runner.runnerId));
    const { nonce } = await inbox.text<Of<"challenge">>("challenge");
    inbox.socket.send(JSON.stringify({ ...(await makeHello(runner, nonce, newEpoch())), protocol: 7 }));
    expect(await inbox.text<Of<"error">>("error")).toMatchObject({ code: "upgrade_required" });
    expect((await inbox.closed).code).toBe(4426);
  });

  test("a socket that does not answer is closed when its time is over, with a code that lets the runner try again", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const inbox = openInbox(await dial((await registerFake(plane)).runnerId));
    await inbox.text("challenge");
    await runInDurableObject(plane.dispatcherStub, (_, state) => {
      for (const socket of state.getWebSockets()) {
        socket.serializeAttachment({ ...(socket.deserializeAttachment() as object), since: 1 });
      }
    });
    await runDurableObjectAlarm(plane.dispatcherStub);
    expect((await inbox.closed).code).toBe(4408);
  });

  test("welcome carries the lease as durations, and the runner is online", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { labels: { zone: "eu" } });
    const { welcome } = await connect(runner, { slots: 3 });
    expect(welcome).toEqual({
      type: "welcome",
      protocol: PROTOCOL_VERSION,
      leaseMs: 3_000,
      renewMs: 300,
      adopt: [],
      kill: [],
    });
    const list = await plane.expectJson<{ items: unknown[] }>(200, "GET", "/runners");
    expect(list.items).toEqual([
      expect.objectContaining({ id: runner.runnerId, state: "online", slots: 3, slotsUsed: 0, labels: { zone: "eu" } }),
    ]);
  });
});

describe("B33 frames that are not the protocol", () => {
  const cases: [string, string | ArrayBuffer, number][] = [
    ["an unknown type", '{"type":"dance"}', 1008],
    ["an unknown field", '{"type":"bye","extra":1}', 1008],
    ["broken JSON", "{", 1007],
    ["a key that appears twice", '{"type":"bye","type":"bye"}', 1007],
    ["binary", new Uint8Array([1, 2]).buffer, 1003],
    ["a second hello", "", 1008],
  ];
  for (const [what, frame, code] of cases) {
    test(`${what} is answered with an error and a close`, async ({ expect }) => {
      const { inbox, runner } = await connect(await registerFake(await makePlane()));
      const hello = JSON.stringify(await makeHello(runner, "x", newEpoch()));
      inbox.socket.send(frame === "" ? hello : frame);
      expect(await inbox.text<Of<"error">>("error")).toMatchObject({ code: "invalid_frame" });
      expect((await inbox.closed).code).toBe(code);
    });
  }

  test("work before the handshake is refused", async ({ expect }) => {
    const inbox = openInbox(await dial((await registerFake(await makePlane())).runnerId));
    inbox.socket.send(JSON.stringify({ type: "bye" }));
    expect((await inbox.closed).code).toBe(1008);
  });
});

describe("one runner, one socket", () => {
  test("F29 the newest socket wins and the older one is told", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const older = await connect(runner);
    const newer = await connect(runner);
    expect((await older.inbox.closed).code).toBe(4409);
    const runId = await plane.trigger();
    expect((await newer.job()).runId).toBe(runId);
    expect((await plane.dispatcher.listRunners())[0]?.state).toBe("online");
  });

  test("F30 a revoked runner is closed at once and stays out", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const connection = await connect(runner);
    expect((await plane.dispatcher.revokeRunner(runner.runnerId)).ok).toBe(true);
    expect((await connection.inbox.closed).code).toBe(4403);
    // Before the list of runners has heard of it, its own word is refused; afterwards, the connection itself.
    const answer = await dial(runner.runnerId);
    if (answer.webSocket !== null) {
      const again = openInbox(answer);
      const { nonce } = await again.text<Of<"challenge">>("challenge");
      again.socket.send(JSON.stringify(await makeHello(runner, nonce, newEpoch())));
      expect((await again.closed).code).toBe(4403);
    }
    await outboxIsEmpty(plane);
    expect((await dial(runner.runnerId)).status).toBe(403);
    expect((await plane.dispatcher.listRunners())[0]?.state).toBe("disabled");
    expect(await plane.dispatcher.revokeRunner("rnr_unknown")).toMatchObject({ code: "not_found" });
  });

  test("a runner that says bye leaves, and one that drains gets no work", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane, { name: "shed" }));
    connection.send({ type: "status", notReady: [], draining: true, latencyMs: 4 });
    const runId = await plane.trigger();
    const waiting = await plane.until(runId, (run) => run.queueReason === "runner_not_ready", "waiting");
    expect(waiting.message).toContain("shed is draining");
    expect((await plane.dispatcher.listRunners())[0]).toMatchObject({ state: "draining", latencyMs: 4 });
    connection.send({ type: "bye" });
    expect((await connection.inbox.closed).code).toBe(1000);
    const offline = await plane.until(runId, (run) => run.queueReason === "no_matching_runner", "offline");
    expect(offline.message).toContain("No runner is online");
  });
});

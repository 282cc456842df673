/** Polling sessions: what is theirs alone, after every story that must end alike on both transports. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { type RunnerMessage, ServerMessage } from "@cronium/protocol";
import type { PollAnswer, PollRequest } from "@cronium/protocol/poll";
import { afterEach, describe, test } from "vitest";
import "./over-polling.ts";
import "./cancel.test.ts";
import "./dispatch.test.ts";
import "./loss.test.ts";
import "./retry.test.ts";
import "./straight-path.test.ts";
import {
  closeAll,
  connect,
  dial,
  makeHello,
  newEpoch,
  registerFake,
  success,
  type ConnectOptions,
  type FakeRunner,
} from "./fake-runner.ts";
import { openInbox } from "./inbox.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";
import { postPoll } from "./poll-socket.ts";

afterEach(closeAll);

/** A session step by step: each request is made by the test, and its answer looked at. */
interface Steps {
  readonly session: string;
  readonly nonce: string;
  ask(request?: Partial<PollRequest>): Promise<PollAnswer>;
}

async function openSteps(runner: FakeRunner): Promise<Steps> {
  const ask = async (request: Partial<PollRequest> = {}): Promise<PollAnswer> => {
    const response = await postPoll({ runnerId: runner.runnerId, ...request });
    if (response.status !== 200) {
      throw new Error(`${response.status} ${await response.text()}`);
    }
    return response.json();
  };
  const { session, frames } = await ask();
  const challenge = ServerMessage.parse(JSON.parse(frames[0] ?? ""));
  return {
    session,
    nonce: challenge.type === "challenge" ? challenge.nonce : "",
    ask: (request) => ask({ session, ...request }),
  };
}

/** Through the handshake: challenge and welcome are frames 1 and 2 of the server, hello is 1 of the runner. */
async function welcomed(runner: FakeRunner, options: ConnectOptions = {}): Promise<Steps> {
  const steps = await openSteps(runner);
  const hello = await makeHello(runner, steps.nonce, options.epoch ?? newEpoch(), options);
  const { frames } = await steps.ask({ ack: 1, frames: [JSON.stringify(hello)] });
  if (!(frames[0] ?? "").includes('"welcome"')) {
    throw new Error(`no welcome but ${frames.join()}`);
  }
  return steps;
}

function text(message: RunnerMessage): string {
  return JSON.stringify(message);
}

function typesOf({ frames }: PollAnswer): string[] {
  return frames.map((frame) => ServerMessage.parse(JSON.parse(frame)).type);
}

async function stateOf(plane: Plane): Promise<string> {
  return (await plane.dispatcher.listRunners())[0]?.state ?? "none";
}

describe("a polling session", () => {
  test("is named as the runner's transport", async ({ expect }) => {
    const plane = await makePlane();
    await connect(await registerFake(plane));
    const { items } = await plane.expectJson<{ items: unknown[] }>(200, "GET", "/runners");
    expect(items).toEqual([expect.objectContaining({ state: "online", transport: "polling" })]);
  });

  test("holds a request until there is something to say", async ({ expect }) => {
    const plane = await makePlane();
    const steps = await welcomed(await registerFake(plane));
    const held = steps.ask({ ack: 2 });
    let answered = false;
    void held.then(() => {
      answered = true;
    });
    await steps.ask({
      ack: 2,
      from: 2,
      frames: [text({ type: "status", notReady: [], draining: false, latencyMs: 1 })],
    });
    expect(answered).toBe(false);
    await plane.trigger();
    expect(typesOf(await held)).toEqual(["jobs"]);
  });

  test("a second request that waits ends the first", async ({ expect }) => {
    const plane = await makePlane();
    const steps = await welcomed(await registerFake(plane));
    // Which of two at once arrives first is not told.
    const [one, other] = [steps.ask({ ack: 2 }), steps.ask({ ack: 2 })];
    const ended = await Promise.race([one, other]);
    expect(ended.frames).toEqual([]);
    await plane.trigger();
    const waiting = (await Promise.all([one, other])).filter((answer) => answer !== ended);
    expect(waiting.map(typesOf)).toEqual([["jobs"]]);
  });

  test("F7 says again what was in an answer that got lost, until it is acknowledged", async ({ expect }) => {
    const plane = await makePlane();
    const steps = await welcomed(await registerFake(plane));
    await plane.trigger();
    const lost = await waitFor(async () => {
      const answer = await steps.ask({ ack: 2 });
      return answer.frames.length > 0 ? { ok: true, value: answer } : { ok: false, seen: "nothing" };
    }, "the offer");
    const again = await steps.ask({ ack: 2 });
    expect(again).toEqual(lost);
    expect(again.from).toBe(3);
    const status = text({ type: "status", notReady: [], draining: false, latencyMs: 1 });
    expect((await steps.ask({ ack: 3, from: 2, frames: [status] })).frames).toEqual([]);
  });

  test("F5 F8 takes a frame once, however often its request comes, and acknowledges it each time", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const steps = await welcomed(await registerFake(plane));
    const runId = await plane.trigger();
    const accept = { ack: 2, from: 2, frames: [text({ type: "accept", jobs: [{ runId, attempt: 1 }] })] };
    expect(typesOf(await steps.ask(accept))).toEqual(["jobs", "granted"]);
    const repeated = await Promise.all([steps.ask(accept), steps.ask(accept)]);
    for (const answer of repeated) {
      expect(answer.ack).toBe(2);
      expect(typesOf(answer)).toEqual(["jobs", "granted"]);
    }
    const rest = [
      text({ type: "accept", jobs: [{ runId, attempt: 1 }] }),
      text({ type: "started", runId, attempt: 1 }),
      text({ type: "exited", runId, attempt: 1, result: success }),
    ];
    // The first of them was taken before: only the other two are new.
    const ended = await steps.ask({ ack: 4, from: 2, frames: rest });
    expect(ended.ack).toBe(4);
    expect(typesOf(ended)).toEqual(["ack"]);
    expect(await plane.run(runId)).toMatchObject({ attempt: 1, attempts: [{ state: "finishing" }] });
  });

  test("with frames missing in between is closed", async ({ expect }) => {
    const steps = await welcomed(await registerFake(await makePlane()));
    const { close } = await steps.ask({ ack: 2, from: 4, frames: [text({ type: "bye" })] });
    expect(close).toEqual({ code: 1008, reason: "frame 2 is missing" });
  });

  test("B33 with a frame that is not the protocol is closed as a socket would be", async ({ expect }) => {
    const plane = await makePlane();
    const steps = await welcomed(await registerFake(plane));
    const answer = await steps.ask({ ack: 2, from: 2, frames: ['{"type":"dance"}', text({ type: "bye" })] });
    expect(typesOf(answer)).toEqual(["error"]);
    expect(answer.close?.code).toBe(1008);
    expect(await stateOf(plane)).toBe("offline");
  });

  test("that nobody polls any more makes its runner unreachable, then offline", async ({ expect }) => {
    const plane = await makePlane();
    const steps = await welcomed(await registerFake(plane));
    const seen = new Set<string>();
    await waitFor(async () => {
      const state = await stateOf(plane);
      seen.add(state);
      return state === "offline" ? { ok: true, value: null } : { ok: false, seen: state };
    }, "offline");
    expect(seen).toContain("unreachable");
    expect((await steps.ask({ ack: 2 })).close?.code).toBe(4410);
  });

  test("F10 that the Dispatcher forgot is opened again, and the attempt goes on", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const epoch = newEpoch();
    const steps = await welcomed(runner, { epoch });
    const runId = await plane.trigger();
    await steps.ask({
      ack: 2,
      from: 2,
      frames: [text({ type: "accept", jobs: [{ runId, attempt: 1 }] }), text({ type: "started", runId, attempt: 1 })],
    });
    await evictDurableObject(plane.dispatcherStub);
    expect((await steps.ask({ ack: 4 })).close?.code).toBe(4410);
    expect(await stateOf(plane)).toBe("offline");

    const back = await openSteps(runner);
    const held = [{ runId, attempt: 1, state: "running" as const }];
    const hello = await makeHello(runner, back.nonce, epoch, { held });
    const { frames } = await back.ask({ ack: 1, frames: [JSON.stringify(hello)] });
    expect(JSON.parse(frames[0] ?? "")).toMatchObject({ type: "welcome", adopt: [{ runId, attempt: 1 }], kill: [] });
    const { attempts } = await plane.run(runId);
    expect(attempts).toMatchObject([{ attempt: 1, state: "running" }]);
  });

  test("ends when its runner says that it leaves", async ({ expect }) => {
    const plane = await makePlane();
    const steps = await welcomed(await registerFake(plane));
    const held = steps.ask({ ack: 2 });
    const answer = await steps.ask({ ack: 2, from: 2, frames: [text({ type: "bye" })], leave: true });
    expect(answer.close?.code).toBe(1000);
    expect((await held).close?.code).toBe(1000);
    expect(await stateOf(plane)).toBe("offline");
  });
});

describe("who may poll", () => {
  test("T8 a hello that was recorded in another session is refused", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const first = await openSteps(runner);
    const hello = JSON.stringify(await makeHello(runner, first.nonce, newEpoch()));
    await first.ask({ ack: 1, frames: [hello] });
    const second = await openSteps(runner);
    const { close } = await second.ask({ ack: 1, frames: [hello] });
    expect(close?.code).toBe(4401);
    const again = await first.ask({ ack: 2, from: 2, frames: [hello] });
    expect(again.close?.code).toBe(1008);
  });

  test("T8 a session of one runner is of no use to another, nor one with a forged token", async ({ expect }) => {
    const plane = await makePlane();
    const [one, other] = [await registerFake(plane), await registerFake(plane)];
    const { session } = await welcomed(one);
    for (const request of [
      { runnerId: other.runnerId, session },
      { runnerId: one.runnerId, session: session.replace(/.{6}$/, "AAAAAA") },
      { runnerId: one.runnerId, session: "x" },
    ]) {
      const response = await postPoll(request);
      expect((await response.json<PollAnswer>()).close?.code).toBe(4410);
    }
  });

  test("F29 the newest link wins, be it a session or a socket", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const older = await welcomed(runner);
    const held = older.ask({ ack: 2 });
    const socket = openInbox(await dial(runner.runnerId));
    const { nonce } = await socket.text<Extract<ServerMessage, { type: "challenge" }>>("challenge");
    socket.socket.send(JSON.stringify(await makeHello(runner, nonce, newEpoch())));
    await socket.text("welcome");
    expect((await held).close?.code).toBe(4409);
    const newest = await welcomed(runner);
    expect((await socket.closed).code).toBe(4409);
    const runId = await plane.trigger();
    expect(JSON.parse((await newest.ask({ ack: 2 })).frames[0] ?? "")).toMatchObject({ jobs: [{ runId }] });
    expect(await stateOf(plane)).not.toBe("offline");
  });

  test("F30 a revoked runner is answered 403 at once, and cannot open another session", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    await plane.dispatcher.revokeRunner(connection.runner.runnerId);
    expect((await connection.inbox.closed).code).toBe(4403);
    expect(await stateOf(plane)).toBe("disabled");
  });

  test("F12 a protocol that is too old is told to upgrade", async ({ expect }) => {
    const runner = await registerFake(await makePlane());
    const response = await postPoll({ runnerId: runner.runnerId, protocol: 99 });
    expect(response.status).toBe(426);
    expect(await response.json()).toMatchObject({ code: "upgrade_required" });
  });

  test("B34 a browser is refused", async ({ expect }) => {
    const runner = await registerFake(await makePlane());
    expect((await postPoll({ runnerId: runner.runnerId }, { cookie: "a=b" })).status).toBe(403);
  });

  test("an unproved session ends after its time", async ({ expect }) => {
    const plane = await makePlane();
    const steps = await openSteps(await registerFake(plane));
    await runDurableObjectAlarm(plane.dispatcherStub);
    const closed = await waitFor(async () => {
      const { close } = await steps.ask({ ack: 1, from: 1, frames: [text({ type: "bye" })] });
      return close === null ? { ok: false, seen: "open" } : { ok: true, value: close.code };
    }, "the end");
    // Work before the handshake ends it, as it ends a socket.
    expect(closed).toBe(1008);
  });
});

import type { BatchAccepted, Settings } from "@cronium/protocol";
import { evictDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";
import { createEvent, serveAll, trigger } from "./queue-story.ts";

afterEach(closeAll);

const allow = (plane: Plane, change: Partial<Settings>) =>
  plane.expectJson<Settings>(200, "PATCH", "/settings", change);

interface Refused {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly policy: string | null;
  readonly left: string | null;
  readonly retryAfter: string | null;
}

async function refusal(plane: Plane, path: string, body: unknown): Promise<Refused> {
  const response = await plane.call("POST", path, body);
  const { code, detail } = await response.json<{ code: string; detail: string }>();
  const field = (name: string) => response.headers.get(name);
  return {
    status: response.status,
    code,
    detail,
    policy: field("ratelimit-policy"),
    left: field("ratelimit"),
    retryAfter: field("retry-after"),
  };
}

describe("B51 the quota of runs that wait", () => {
  test("refuses a trigger beyond it with 429, which and when, until there is room", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await allow(plane, { queueLimit: 2 });
    await trigger(plane, event);
    await plane.trigger();
    const full: Refused = {
      status: 429,
      code: "quota_exceeded",
      detail: expect.stringMatching(/^2 runs wait in this workspace, as many as may .*\(queueLimit\)/),
      policy: '"queued-runs";q=2',
      left: '"queued-runs";r=0;t=10',
      retryAfter: "10",
    };
    expect(await refusal(plane, `/events/${event}/runs`, {})).toEqual(full);
    expect(await refusal(plane, "/runs", { runtime: "bash", script: "true" })).toEqual(full);
    const connection = await connect(await registerFake(plane), { slots: 1 });
    await serveAll(connection, 1);
    await trigger(plane, event);
  });

  test("counts retries that wait, cancelled runs no more, and is right after a restart", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const first = await trigger(plane, event);
    await trigger(plane, event);
    await evictDurableObject(plane.dispatcherStub);
    await allow(plane, { queueLimit: 2 });
    expect((await refusal(plane, `/events/${event}/runs`, {})).status).toBe(429);
    await plane.expectJson(202, "POST", `/runs/${first}/cancel`);
    await trigger(plane, event);
    expect((await refusal(plane, `/runs/${first}/retry`, {})).code).toBe("quota_exceeded");
    await allow(plane, { queueLimit: 3 });
    await plane.expectJson(202, "POST", `/runs/${first}/retry`, {});
    expect((await refusal(plane, `/events/${event}/runs`, {})).status).toBe(429);
  });

  test("counts each run of a batch, and answers for each", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await allow(plane, { queueLimit: 3 });
    const runs = Array.from({ length: 5 }, (_, input) => ({ input }));
    const { items } = await plane.expectJson<BatchAccepted>(202, "POST", `/events/${event}/runs/batch`, { runs });
    expect(items.map((item) => item.error?.code ?? "run")).toEqual([
      "run",
      "run",
      "run",
      "quota_exceeded",
      "quota_exceeded",
    ]);
    expect(await refusal(plane, `/events/${event}/runs/batch`, { runs })).toMatchObject({
      status: 429,
      code: "quota_exceeded",
      left: '"queued-runs";r=0;t=10',
    });
  });
});

describe("B51 the quota of triggers", () => {
  test("refuses what comes too fast with 429, which and when", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await allow(plane, { triggersPerMinute: 2 });
    await trigger(plane, event);
    await trigger(plane, event);
    const refused = await refusal(plane, `/events/${event}/runs`, {});
    expect(refused).toMatchObject({
      status: 429,
      code: "quota_exceeded",
      detail: expect.stringMatching(/^This workspace allows 2 triggers a minute \(triggersPerMinute\)/),
      policy: '"triggers";q=2;w=60',
    });
    const seconds = Number(refused.retryAfter);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(30);
    expect(refused.left).toBe(`"triggers";r=0;t=${seconds}`);
    await allow(plane, { triggersPerMinute: 600_000 });
    await trigger(plane, event);
  });

  test("neither refusals nor repeated requests use it up", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    await allow(plane, { triggersPerMinute: 2 });
    const unknown = event.replace(/.$/, event.endsWith("0") ? "1" : "0");
    expect((await plane.call("POST", `/events/${unknown}/runs`, {})).status).toBe(404);
    const key = { "idempotency-key": "once" };
    const again = () => plane.expectJson<{ runId: string }>(202, "POST", `/events/${event}/runs`, { input: 1 }, key);
    const { runId } = await again();
    expect((await again()).runId).toBe(runId);
    await trigger(plane, event);
    // The first request is still answered when nothing is left.
    expect((await again()).runId).toBe(runId);
    expect((await refusal(plane, `/events/${event}/runs`, {})).status).toBe(429);
  });

  test("belongs to one workspace alone", async ({ expect }) => {
    const [busy, calm] = [await makePlane(), await makePlane()];
    await allow(busy, { triggersPerMinute: 1 });
    await busy.trigger();
    expect((await refusal(busy, "/runs", { runtime: "bash", script: "true" })).status).toBe(429);
    await calm.trigger();
  });
});

test("B7, B14 quotas have a range and a type", async ({ expect }) => {
  const plane = await makePlane();
  for (const [change, code] of [
    [{ queueLimit: 0 }, "out_of_range"],
    [{ queueLimit: 10_000_001 }, "out_of_range"],
    [{ triggersPerMinute: -1 }, "out_of_range"],
    [{ triggersPerMinute: 1.5 }, "invalid_type"],
    [{ triggersPerMinute: "60" }, "invalid_type"],
    [{ queueLimit: null }, "invalid_type"],
  ] as const) {
    expect(await plane.expectJson(422, "PATCH", "/settings", change), JSON.stringify(change)).toMatchObject({
      errors: [{ pointer: `/${Object.keys(change)[0]}`, code }],
    });
  }
});

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane } from "./plane.ts";
import { createEvent, serveAll, trigger } from "./queue-story.ts";

afterEach(closeAll);

test("a run goes where one of its sets is carried, and says what it meant until then", async ({ expect }) => {
  const plane = await makePlane();
  await connect(await registerFake(plane, { labels: { gpu: "h10" } }));
  const event = await createEvent(plane, { anyLabels: [{ gpu: "a100" }, { gpu: "h100" }] });
  const runId = await trigger(plane, event);
  expect(await plane.run(runId)).toMatchObject({
    queueReason: "no_matching_runner",
    message:
      "Needs gpu=a100 or gpu=h100; 1 runner online, none has it. Did you mean gpu=h10? Give the label to a runner, or take it off the event.",
  });
  const fitting = await connect(await registerFake(plane, { labels: { gpu: "h100" } }));
  const job = await fitting.job();
  expect(job.runId).toBe(runId);
  expect(Object.keys(job.definition)).not.toContain("anyLabels");
});

test("F12 a runner that is too old for the settings of a container gets no job that has any", async ({ expect }) => {
  const plane = await makePlane();
  const runner = await registerFake(plane);
  const old = await connect(runner, { protocol: 1 });
  const event = await createEvent(plane, { container: { cpus: 0.5, network: { mode: "bridge" } } });
  const runId = await trigger(plane, event);
  expect(await plane.run(runId)).toMatchObject({
    state: "queued",
    queueReason: "runner_not_ready",
    message: expect.stringContaining("too old to know them. Upgrade the runner."),
  });
  const plain = await trigger(plane, await createEvent(plane, { container: {} }));
  const job = await old.job();
  expect([job.runId, Object.keys(job.definition).includes("container")]).toEqual([plain, false]);
  await old.accept(job);
  await old.finish(job);
  const upgraded = await connect(runner);
  const given = await upgraded.job();
  expect([given.runId, given.definition.container]).toEqual([runId, { cpus: 0.5, network: { mode: "bridge" } }]);
});

test("a sticky event stays with its runner, and moves when that has no slot", async ({ expect }) => {
  const plane = await makePlane();
  const first = await connect(await registerFake(plane, { labels: { zone: "eu" } }), { slots: 1 });
  const event = await createEvent(plane, { sticky: true, preferLabels: [{ labels: { zone: "us" }, weight: 50 }] });
  await trigger(plane, event);
  await serveAll(first, 1);
  const second = await connect(await registerFake(plane, { labels: { zone: "us" } }), { slots: 9 });
  const stays = await trigger(plane, event);
  const job = await first.job();
  expect(job.runId).toBe(stays);
  await first.accept(job);
  const moves = await trigger(plane, event);
  expect((await second.job()).runId).toBe(moves);
});

test("a sticky event finds its runner again after a restart, and passes one that is quarantined", async ({
  expect,
}) => {
  const plane = await makePlane();
  const runner = await registerFake(plane);
  const first = await connect(runner, { slots: 1 });
  const event = await createEvent(plane, { sticky: true });
  await trigger(plane, event);
  await serveAll(first, 1);
  const second = await connect(await registerFake(plane), { slots: 9 });
  await evictDurableObject(plane.dispatcherStub);
  const stays = await trigger(plane, event);
  expect(await serveAll(first, 1)).toEqual([stays]);
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    storage.sql.exec(
      "UPDATE runners SET quarantined_at = 1, quarantine_message = 'Broken.' WHERE id = ?",
      runner.runnerId,
    );
  });
  await evictDurableObject(plane.dispatcherStub);
  const moves = await trigger(plane, event);
  expect((await second.job()).runId).toBe(moves);
});

test("every label of a run must be carried by one runner, and weights of preferences add up", async ({ expect }) => {
  const plane = await makePlane();
  const both = { gpu: "yes", disk: "nvme" };
  await connect(await registerFake(plane, { labels: { gpu: "yes" } }));
  await connect(await registerFake(plane, { labels: { disk: "nvme" } }));
  const waiting = await plane.trigger({ labels: both });
  expect((await plane.run(waiting)).queueReason).toBe("no_matching_runner");
  const fitting = await connect(await registerFake(plane, { labels: both }));
  expect((await fitting.job()).runId).toBe(waiting);
  // One preference of 60 against two of 40.
  const event = await createEvent(plane, {
    preferLabels: [
      { labels: { zone: "eu" }, weight: 60 },
      { labels: { gpu: "a100" }, weight: 40 },
      { labels: { rack: "7" }, weight: 40 },
    ],
  });
  await connect(await registerFake(plane, { labels: { zone: "eu" } }), { slots: 50 });
  const preferred = await connect(await registerFake(plane, { labels: { gpu: "a100", rack: "7" } }), { slots: 1 });
  const runId = await trigger(plane, event);
  expect((await preferred.job()).runId).toBe(runId);
});

test("preferred labels win over free slots", async ({ expect }) => {
  const plane = await makePlane();
  await connect(await registerFake(plane), { slots: 99 });
  const near = await connect(await registerFake(plane, { labels: { zone: "eu" } }), { slots: 1 });
  const event = await createEvent(plane, { preferLabels: [{ labels: { zone: "eu" }, weight: 1 }] });
  const runId = await trigger(plane, event);
  expect((await near.job()).runId).toBe(runId);
});

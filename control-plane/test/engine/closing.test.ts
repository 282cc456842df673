/** What the deletion of a workspace does to its runs, runners and watchers. */
import { runInDurableObject } from "cloudflare:test";
import { afterEach, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane } from "./plane.ts";

afterEach(closeAll);

test("what runs is cancelled on its runner before the runner is cut off for good", async ({ expect }) => {
  const plane = await makePlane();
  const runner = await registerFake(plane);
  const connection = await connect(runner);
  const runId = await plane.trigger();
  await connection.accept(await connection.job());
  connection.send({ type: "started", runId, attempt: 1 });
  await plane.until(runId, (run) => run.state === "running", "running");
  await plane.dispatcher.closeDown();
  await connection.next("cancel", (cancel) => cancel.runId === runId);
  expect((await connection.inbox.closed).code).toBe(4403);
  expect(await plane.run(runId)).toMatchObject({ state: "cancelled" });
  expect(await plane.dispatcher.listRunners()).toMatchObject([{ state: "disabled" }]);
  expect(await plane.dispatcher.listRooms({ after: "", limit: 10 })).toEqual([runId]);
  await plane.dispatcher.closeDown();

  await plane.dispatcher.erase();
  await runInDurableObject(plane.dispatcherStub, async (_, { storage }) => {
    expect(storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'runs'").toArray()).toEqual([]);
    expect(await storage.getAlarm()).toBeNull();
  });
  // Asked again, as after a fault behind it, it has nothing to do.
  await plane.dispatcher.closeDown();
  expect(await plane.dispatcher.listShards()).toEqual([]);
  await plane.dispatcher.erase();
});

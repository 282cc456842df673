/** What jobs ask of the control plane, by a runner that polls: the stories of artifacts, and one of everything else. */
import { afterEach, test } from "vitest";
import "./over-polling.ts";
import "./artifacts.test.ts";
import { ask, codeOf, resultOf, running, startJob } from "./calling.ts";
import { closeAll } from "./fake-runner.ts";
import { makePlane } from "./plane.ts";

afterEach(closeAll);

test("F38 a job whose runner polls changes variables by version, locks and acts, and a repeat counts once", async ({
  expect,
}) => {
  const plane = await makePlane();
  const { connection, ref } = await running(plane);
  const set = { do: "variable.set", name: "COUNT", value: "1", ifVersion: 0 } as const;
  expect(await resultOf(ask(connection, ref, set, "one-write"))).toMatchObject({ version: 1 });
  expect(await resultOf(ask(connection, ref, set, "one-write"))).toMatchObject({ version: 1 });
  expect(await codeOf(ask(connection, ref, set, "another-write"))).toBe("version_conflict");
  const read = await resultOf(ask(connection, ref, { do: "variable.get", name: "COUNT" }));
  expect(read).toMatchObject({ value: "1", version: 1 });
  const other = await startJob(plane, connection);
  const lock = { do: "lock.take", name: "db", ttlMs: 30_000 } as const;
  expect(await resultOf(ask(connection, ref, lock))).toMatchObject({ ttlMs: 30_000 });
  expect(await codeOf(ask(connection, other, lock))).toBe("locked");
  await ask(connection, ref, { do: "note", name: "Polled" });
  expect((await plane.run(ref.runId)).name).toBe("Polled");
  await connection.finish(ref);
  expect(await codeOf(ask(connection, ref, set, "too-late"))).not.toBe("none");
});

import { afterAll, beforeAll, describe, test } from "vitest";
import {
  containersOf,
  type DockerFixture,
  nothingLeft,
  startDockerFixture,
  stopDockerFixture,
  tell,
} from "./docker-fixture.ts";
import { until } from "./until.ts";

let fixture: DockerFixture;
beforeAll(async () => {
  fixture = await startDockerFixture(["--warm", "0"]);
});
afterAll(() => stopDockerFixture(fixture));

/** Until it is told that enough has happened meanwhile. */
const COUNTING = `
number=0
until [ -e /tmp/told ]; do
  number=$((number + 1))
  echo "line $number of the job that goes on"
  sleep 0.01
done
`;

describe("a new process takes over", () => {
  test("a container that prints all the while, and its log has every line once", async ({ expect }) => {
    const { plane, runner } = fixture;
    const job = plane.job(COUNTING);
    plane.offer(job);
    await until("the job prints", () => plane.logText(job).includes("line 20 "));
    const [before] = await containersOf(fixture);
    const old = { pid: runner.pid, exit: runner.exited() };
    const connections = runner.events("control.connected").length;
    runner.start(["--take-over"]);

    expect(await old.exit).toBe(0);
    // An end that comes with the welcome is told twice, which is allowed; this test wants to see one.
    await until("the new process is connected", () => runner.events("control.connected").length > connections);
    tell(before?.Id);
    expect((await plane.finished(job)).outcome).toBe("succeeded");
    expect(runner.pid).not.toBe(old.pid);
    expect(runner.events("run.adopted")).toHaveLength(1);
    expect(before?.State).toBe("running");
    const count = plane.logText(job).split("\n").length - 1;
    const lines = Array.from({ length: count }, (_, index) => `line ${index + 1} of the job that goes on\n`);
    expect(count).toBeGreaterThan(20);
    expect(plane.logText(job)).toBe(lines.join(""));
    expect(plane.log(job).gaps).toEqual([]);
    expect(plane.exited(job)).toHaveLength(1);
    await nothingLeft(fixture);
  });
});

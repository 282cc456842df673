import { afterAll, beforeAll, describe, test } from "vitest";
import {
  containersOf,
  type DockerFixture,
  nothingLeft,
  startDockerFixture,
  stopDockerFixture,
} from "./docker-fixture.ts";
import { until } from "./until.ts";

let fixture: DockerFixture;
beforeAll(async () => {
  fixture = await startDockerFixture(["--warm", "0"]);
});
afterAll(() => stopDockerFixture(fixture));

const COUNTING = `
number=0
while [ $number -lt 400 ]; do
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
    runner.start(["--take-over"]);

    expect(await old.exit).toBe(0);
    expect((await plane.finished(job)).outcome).toBe("succeeded");
    expect(runner.pid).not.toBe(old.pid);
    expect(runner.events("run.adopted")).toHaveLength(1);
    expect(before?.State).toBe("running");
    const lines = Array.from({ length: 400 }, (_, index) => `line ${index + 1} of the job that goes on\n`);
    expect(plane.logText(job)).toBe(lines.join(""));
    expect(plane.log(job).gaps).toEqual([]);
    expect(plane.exited(job)).toHaveLength(1);
    await nothingLeft(fixture);
  });
});

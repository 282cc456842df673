import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { type DockerFixture, nothingLeft, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

const MIB = 1_048_576;

let fixture: DockerFixture;
let plane: FakePlane;

beforeAll(async () => {
  fixture = await startDockerFixture();
  plane = fixture.plane;
});
afterAll(() => stopDockerFixture(fixture));
afterEach(() => nothingLeft(fixture));

describe("a job that prints without end", () => {
  test("T5: fails with log_quota where its event says so, long before its timeout", async ({ expect }) => {
    const job = plane.job("yes", { container: { logCapMb: 1, logOverflow: "kill" }, timeoutMs: 3_600_000 });

    plane.offer(job);

    expect(await plane.finished(job)).toMatchObject({ outcome: "failed", failReason: "log_quota" });
    await until("it is done", () => plane.done(job).length > 0);
    expect(plane.done(job)[0]).toMatchObject({ logBytes: MIB, logState: "truncated" });
    expect(plane.log(job).gaps).toMatchObject([{ reason: "log_quota" }]);
  });

  test("F25: a line of 10 MB that is no text arrives byte for byte", async ({ expect }) => {
    const job = plane.job("head -c 10000000 /dev/zero | tr '\\0' '\\377'; printf '\\n\\376'");

    plane.offer(job);

    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded" });
    await until("it is done", () => plane.done(job).length > 0);
    const expected = Buffer.concat([Buffer.alloc(10_000_000, 0xff), Buffer.from([0x0a, 0xfe])]);
    expect(plane.logBytes(job).equals(expected)).toBe(true);
  });
});

describe("a job whose output Docker does not keep", () => {
  test("F1: loses what it prints while the runner is away, says so, and goes on", async ({ expect }) => {
    const job = plane.job(
      "echo first; for i in $(seq 1 200); do echo $i; sleep 0.05; done; echo last; cronium_output '\"ok\"'",
      { container: { log: "none" } },
    );

    plane.offer(job);
    await until("it prints", () => plane.logText(job).includes("3\n"));
    fixture.runner.signal("SIGKILL");
    await fixture.runner.exited();
    fixture.runner.start();

    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded", output: "ok" });
    await until("it is done", () => plane.done(job).length > 0);
    expect(plane.done(job)[0]).toMatchObject({ logState: "incomplete" });
    expect(plane.log(job).gaps).toEqual([{ bytes: 1, reason: "runner_lost" }]);
    expect(plane.logText(job)).toMatch(/^first\n1\n2\n3\n/);
    expect(plane.logText(job)).toMatch(/\n200\nlast\n$/);
  });
});

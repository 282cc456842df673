/** A runner whose data folder lies on a disk of its own, which can be filled. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import {
  containersOf,
  type DockerFixture,
  nothingLeft,
  startDockerFixture,
  stopDockerFixture,
} from "./docker-fixture.ts";
import { until } from "./until.ts";

/** Sparse: takes some 30 MB. */
const MAKE_DISK = 'truncate -s 1400M "$1" && mkfs.ext4 -q -m 0 -F "$1" && mount -o loop "$1" "$2"';

let folder: string;
let disk: string;
let canMount = true;
let fixture: DockerFixture | null = null;
const usualTmp = process.env["TMPDIR"];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-disk-"));
  disk = join(folder, "mnt");
  mkdirSync(disk);
  try {
    execFileSync("sh", ["-c", MAKE_DISK, "sh", join(folder, "image"), disk], { stdio: "pipe" });
  } catch {
    canMount = false;
    return;
  }
  // The fixture's folders go there.
  process.env["TMPDIR"] = disk;
  fixture = await startDockerFixture();
});
afterAll(async () => {
  if (usualTmp === undefined) {
    delete process.env["TMPDIR"];
  } else {
    process.env["TMPDIR"] = usualTmp;
  }
  if (fixture !== null) {
    await stopDockerFixture(fixture);
  }
  if (canMount) {
    execFileSync("umount", [disk]);
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Until not a byte is free. */
function fill(): void {
  execFileSync("sh", ["-c", `fallocate -l 1150M "$1/ballast"; cat /dev/zero >"$1/rest" 2>/dev/null; true`, "sh", disk]);
}

function free(): void {
  execFileSync("rm", ["-f", join(disk, "ballast"), join(disk, "rest")]);
}

describe("F22 a disk that is full", () => {
  test("takes no new job, and costs a running one neither its result nor its log, of which a part is declared missing", async ({
    expect,
    skip,
    onTestFailed,
  }) => {
    if (fixture === null) {
      skip("a disk of its own can be mounted by root alone, where the machine has loop devices");
      return;
    }
    const { plane, runner } = fixture;
    onTestFailed(() => {
      free();
      plane.levers.connectable = true;
    });
    const job = plane.job(
      `echo ready; until [ -e /tmp/go ]; do sleep 0.1; done; echo small
for i in $(seq 1 40); do head -c 100000 /dev/zero | tr '\\0' x; sleep 0.05; done
echo; echo end; cronium_output '"done"'`,
    );
    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");
    // Frames cannot leave either, so that they have to wait somewhere.
    plane.levers.connectable = false;
    plane.cut();
    fill();
    // What it prints from here on finds no room, however long the filling took.
    const [container] = await containersOf(fixture);
    execFileSync("docker", ["exec", container?.Id ?? "", "touch", "/tmp/go"]);
    await until("the runner has seen it", () => runner.events("runner.not_ready").length > 0, 90_000);
    expect(runner.events("runner.not_ready").at(-1)).toMatchObject({ reasons: ["disk_full"] });
    await until("the job has ended", () => runner.events("run.exited").length > 0, 60_000);
    plane.levers.connectable = true;

    expect(await plane.finished(job, 110_000)).toMatchObject({ outcome: "succeeded", output: "done" });
    await until("its log has come", () => plane.done(job).length > 0, 90_000);
    const { gaps } = plane.log(job);
    expect(gaps.map(({ reason }) => reason)).toContain("disk_full");
    const missing = gaps.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(missing + plane.logBytes(job).length).toBe("ready\nsmall\n\nend\n".length + 4_000_000);
    expect(plane.done(job)[0]).toMatchObject({ logState: "incomplete" });

    const readyBefore = runner.events("runner.ready").length;
    free();
    await until("it is ready again", () => runner.events("runner.ready").length > readyBefore, 90_000);
    const next = plane.job("echo next");
    plane.offer(next);
    expect(await plane.finished(next)).toMatchObject({ outcome: "succeeded" });
    expect(plane.logText(next)).toBe("next\n");
    await nothingLeft(fixture);
  });
});

/** The runner in a container of its own, beside those of its jobs: image, volume and socket. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, test } from "vitest";
import { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

const BUILD = join(import.meta.dirname, "../../images/runner/build.sh");
const NAME = `cronium-runner-test-${process.pid}`;
const run = promisify(execFile);

let plane: FakePlane;
let folder: string;

async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run("docker", args);
  return stdout.trim();
}

beforeEach(async () => {
  plane = await FakePlane.start();
  folder = mkdtempSync(join(tmpdir(), "cronium-runner-image-"));
});

afterEach(async () => {
  await docker("rm", "--force", NAME).catch(() => "");
  await docker("volume", "rm", "--force", NAME).catch(() => "");
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a runner in a container runs jobs beside itself, their sockets on its volume, and leaves in good order", async ({
  expect,
}) => {
  const { stdout } = await run("bash", [BUILD], { timeout: 110_000 });
  const { runner: image } = JSON.parse(stdout) as { runner: string };
  expect(image).toMatch(/^cronium\/runner:[0-9a-f]{12}$/);
  const token = join(folder, "token");
  writeFileSync(token, plane.token);
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, "mounts:\n  shared:\n    path: /data/shared\n    mode: rw\n");
  await docker(
    ...["run", "--detach", "--name", NAME, "--network", "host"],
    ...["--volume", "/var/run/docker.sock:/var/run/docker.sock", "--volume", `${NAME}:/data`],
    ...["--volume", `${folder}:/etc/cronium:ro`, "--env", "CRONIUM_TOKEN_FILE=/etc/cronium/token", image],
    ...["up", "--data-dir", "/data", "--name", "boxed", "--warm", "1"],
  );
  await until("it is connected", () => plane.of("hello").length > 0, 60_000);
  const [hello] = plane.of("hello");
  expect(hello?.notReady).toEqual([]);
  await docker(
    "exec",
    NAME,
    "node",
    "-e",
    "require('fs').mkdirSync('/data/shared', {mode: 0o777}); require('fs').chmodSync('/data/shared', 0o777)",
  );

  // The last one may find a container that has waited for it.
  const mounted = plane.job("cronium_input > /shared/cold; cronium_output '{\"ok\":true}'", {
    input: { who: "me" },
    mounts: [{ name: "shared", target: "/shared" }],
  });
  const plain = [1, 2].map((n) => plane.job(`cronium_output ${n}`));
  for (const [job, output] of [
    [mounted, { ok: true }],
    ...plain.map((job, index) => [job, index + 1] as const),
  ] as const) {
    plane.offer(job);
    const result = await plane.finished(job);
    expect(result, `${result.message} ${plane.logText(job)}`).toMatchObject({ outcome: "succeeded", output });
  }
  expect(await docker("exec", NAME, "node", "-p", "require('fs').readFileSync('/data/shared/cold', 'utf8')")).toBe(
    '{"who":"me"}',
  );
  const status = await docker(
    "exec",
    NAME,
    "node",
    "/opt/cronium-runner/dist/main.js",
    "status",
    "--data-dir",
    "/data",
  );
  expect(status).toMatch(/^runner +boxed .* is online$/m);

  await docker("stop", "--time", "30", NAME);
  expect(await docker("inspect", "--format", "{{.State.ExitCode}}", NAME)).toBe("0");
  expect(plane.of("bye")).toHaveLength(1);
  const left = await docker("ps", "--all", "--quiet", "--filter", `label=cronium.runner=${plane.runnerId}`);
  expect(left).toBe("");
});

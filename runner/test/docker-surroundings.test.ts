import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { type DockerFixture, nothingLeft, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

const RANGE = "10.214.0.0/24";
const CHAIN = "CRONIUM-10.214.0.0-24";

let fixture: DockerFixture;
let plane: FakePlane;
let folder: string;
let server: Server;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-surroundings-"));
  server = createServer((_request, response) => response.end("reached"));
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  port = (server.address() as AddressInfo).port;
  writeFileSync(join(folder, "policy.yaml"), `networks: [none, bridge]\nbridgeRange: ${RANGE}\n`);
  fixture = await startDockerFixture(["--policy", join(folder, "policy.yaml")]);
  plane = fixture.plane;
});
afterAll(async () => {
  await stopDockerFixture(fixture);
  server.closeAllConnections();
  server.close();
  for (const rule of [
    ["DOCKER-USER", "-s", RANGE, "-j", CHAIN],
    ["INPUT", "-s", RANGE, "-j", "REJECT"],
  ]) {
    execFileSync("sh", ["-c", 'iptables -w 10 -D "$@" 2>/dev/null || true', "sh", ...rule]);
  }
  execFileSync("sh", ["-c", 'iptables -w 10 -F "$1"; iptables -w 10 -X "$1"', "sh", CHAIN]);
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await nothingLeft(fixture);
  await until("no network is left", async () => (await networks()).length === 0);
  await until("no disk is left", () => disks().length === 0);
});

const networks = () => fixture.docker.listNetworks({ filters: { label: [`cronium.runner=${plane.runnerId}`] } });
const disks = (): string[] => {
  try {
    return readdirSync(join(fixture.runner.dataDir, "disks"));
  } catch {
    return [];
  }
};

describe("the network mode bridge", () => {
  test("T3 gives a network of eight addresses that leads neither to this machine nor to private ranges", async ({
    expect,
  }) => {
    const own = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4")
      .map(({ address }) => address);
    const targets = ["169.254.169.254", "172.17.0.1", "10.0.0.1", "192.168.0.1", ...own];
    const job = plane.job(
      [
        "gateway=$(awk '$2 == \"00000000\" { print $3 }' /proc/net/route)",
        "gateway=$((16#${gateway:6:2})).$((16#${gateway:4:2})).$((16#${gateway:2:2})).$((16#${gateway:0:2}))",
        'echo "gateway $gateway"',
        `for host in $gateway ${targets.join(" ")}; do`,
        `  curl -s -m 2 "http://$host:${port}/" >/dev/null && echo "reached $host"`,
        "done; echo tried; sleep 60",
      ].join("\n"),
      { container: { network: { mode: "bridge" } } },
    );
    plane.offer(job);
    await until("it has a network", async () => (await networks()).length === 1);
    const [network] = await networks();
    expect(network?.IPAM?.Config?.[0]).toMatchObject({ Subnet: expect.stringMatching(/^10\.214\.0\.\d+\/29$/) });
    expect(network?.Options).toMatchObject({ "com.docker.network.bridge.enable_icc": "false" });
    await until("it has tried", () => plane.logText(job, "stdout").includes("gateway"));
    const { State: state, HostConfig: host } = await fixture.docker.getContainer(`cronium-${job.runId}-1`).inspect();
    expect(state.Running).toBe(true);
    expect(host.CapDrop).toEqual(["ALL"]);
    await until("it has tried all", () => plane.logText(job, "stdout").includes("tried"), 60_000);
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 0 });
    await plane.finished(job);
    expect(plane.logText(job, "stdout")).toMatch(/^gateway 10\.214\.0\.\d+\ntried\n$/);
    expect(plane.logText(job, "system")).toBe("");
  });

  test("is not given where the policy does not name it", async ({ expect }) => {
    const job = plane.job("true", { container: { network: { mode: "allowlist", hosts: ["example.com"] } } });
    plane.offer(job);
    await until("it is declined", () => plane.of("decline").some(({ runId }) => runId === job.runId));
    expect(plane.of("decline").at(-1)?.message).toContain("Allowed are: none, bridge.");
  });
});

describe("a disk of the job's own", () => {
  test("T5 is as large as the event says, ends there, and is wiped", async ({ expect }) => {
    const job = plane.job(
      [
        "df --output=fstype /workspace | tail -n 1",
        "head -c 20M /dev/zero >/workspace/fits && echo fits",
        "head -c 60M /dev/zero >/workspace/large 2>/dev/null || echo full",
        "rm /workspace/large; cp /bin/true /workspace/run && chmod u+s /workspace/run && /workspace/run && echo runs",
        "ls /workspace | sort | tr '\\n' ' '",
      ].join("\n"),
      { container: { diskMb: 64, diskWriteMbps: 500 } },
    );
    plane.offer(job);
    await until("its disk is there", () => disks().length === 1 || plane.exited(job).length > 0);
    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded" });
    expect(plane.logText(job, "stdout")).toBe("ext4\nfits\nfull\nruns\nfits main.sh run ");
    expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(fixture.runner.dataDir);
  });

  test("fails clearly where the machine has too little room", async ({ expect }) => {
    const job = plane.job("true", { container: { diskMb: 1_048_576 } });
    plane.offer(job);
    expect(await plane.finished(job)).toMatchObject({
      failReason: "start_failed",
      message: expect.stringMatching(/^The runner has \d+ MiB of disk free, too little for a disk of 1048576 MiB\.$/),
    });
  });
});

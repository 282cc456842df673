import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { type DockerFixture, nothingLeft, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

let fixture: DockerFixture;
let plane: FakePlane;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-mounts-"));
  mkdirSync(join(folder, "in"));
  mkdirSync(join(folder, "out"));
  chmodSync(folder, 0o755);
  chmodSync(join(folder, "out"), 0o777);
  writeFileSync(join(folder, "in", "greeting.txt"), "hello\n");
  symlinkSync("/", join(folder, "everything"));
  const policy = join(folder, "policy.yaml");
  writeFileSync(
    policy,
    [
      "mounts:",
      `  in: {path: ${folder}/in}`,
      `  out: {path: ${folder}/out, mode: rw}`,
      `  gone: {path: ${folder}/gone}`,
      `  everything: {path: ${folder}/everything}`,
    ].join("\n"),
  );
  fixture = await startDockerFixture(["--policy", policy]);
  plane = fixture.plane;
});
afterAll(async () => {
  await stopDockerFixture(fixture);
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => nothingLeft(fixture));

describe("T1 a live container", () => {
  test("has no rights, no network, a read-only root and every limit", async ({ expect }) => {
    const job = plane.job("echo ready; sleep 60", { memoryMb: 128 });

    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");
    const {
      Config: config,
      HostConfig: host,
      NetworkSettings: network,
    } = await fixture.docker.getContainer(`cronium-${job.runId}-1`).inspect();
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 0 });
    await plane.finished(job);

    expect(config.User).toBe("10001:10001");
    expect(config.Labels).toMatchObject({
      "cronium.runner": plane.runnerId,
      "cronium.run": job.runId,
      "cronium.attempt": "1",
    });
    expect(Number(config.Labels["cronium.deadline"])).toBeGreaterThan(Date.now());
    expect(host).toMatchObject({
      CapDrop: ["ALL"],
      CapAdd: null,
      Privileged: false,
      ReadonlyRootfs: true,
      SecurityOpt: ["no-new-privileges:true"],
      Memory: 128 * 1_048_576,
      MemorySwap: 128 * 1_048_576,
      PidsLimit: 256,
      IpcMode: "private",
      Init: true,
      PidMode: "",
      UTSMode: "",
      PortBindings: {},
    });
    expect(host.NanoCpus).toBeGreaterThan(0);
    expect(host.Devices ?? []).toEqual([]);
    expect(host.LogConfig?.Type).toBe("local");
    expect(host.Ulimits).toEqual([{ Name: "nofile", Soft: 8_192, Hard: 8_192 }]);
    expect(host.Binds).toEqual([expect.stringMatching(/\/sockets\/s[0-9a-f]{16}:\/run\/cronium:ro$/) as string]);
    expect(JSON.stringify(host)).not.toContain("docker.sock");
    expect(Object.values(network.Networks).map(({ IPAddress: address }) => address)).toEqual([]);
  });

  test("has the limits that its event asks for, and no more than the machine has", async ({ expect }) => {
    const job = plane.job("df -B1 --output=size /tmp | tail -n 1 | tr -d ' '; ulimit -n; sleep 60", {
      memoryMb: 64,
      container: { cpus: 0.25, pids: 32, files: 128, tmpMb: 5 },
    });

    plane.offer(job);
    await until("it runs", () => plane.logText(job).includes("128\n"));
    const { HostConfig: host } = await fixture.docker.getContainer(`cronium-${job.runId}-1`).inspect();
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 0 });
    await plane.finished(job);

    expect(plane.logText(job)).toBe(`${5 * 1_048_576}\n128\n`);
    expect(host).toMatchObject({ NanoCpus: 250_000_000, PidsLimit: 32, Memory: 64 * 1_048_576 });
  });

  test("finds none of the ways out from inside", async ({ expect }) => {
    const script = `
import json, os, socket
def attempt(do):
    try:
        do(); return "worked"
    except Exception as error:
        return type(error).__name__
def connect(host, port):
    socket.create_connection((host, port), 2)
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
    "caps": status["CapEff"].strip(), "bounding": status["CapBnd"].strip(),
    "noNewPrivs": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip(),
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "metadata": attempt(lambda: connect("169.254.169.254", 80)),
    "gateway": attempt(lambda: connect("172.17.0.1", 22)),
    "internet": attempt(lambda: connect("1.1.1.1", 53)),
    "writeRoot": attempt(lambda: open("/etc/x", "w")),
    "writeApi": attempt(lambda: open("/run/cronium/x", "w")),
    "removeApi": attempt(lambda: os.remove("/run/cronium/api.sock")),
    "dockerSock": os.path.exists("/var/run/docker.sock"),
    "workspace": attempt(lambda: open("/workspace/x", "w").write("x")),
    "tmp": attempt(lambda: open("/tmp/x", "w").write("x")),
    "setuid": attempt(lambda: os.setuid(0)),
    "devices": sorted(set(os.listdir("/dev")) & {"sda", "vda", "mem", "kmsg"}),
}))
`;
    const job = plane.job(script, { runtime: "python" });

    plane.offer(job);
    await plane.finished(job);

    expect(plane.logText(job, "stderr")).toBe("");
    const seen = JSON.parse(plane.logText(job, "stdout")) as Record<string, unknown>;
    expect(seen).toMatchObject({
      uid: 10_001,
      gid: 10_001,
      caps: "0000000000000000",
      bounding: "0000000000000000",
      noNewPrivs: "1",
      seccomp: "2",
      interfaces: ["lo"],
      metadata: "OSError",
      gateway: "OSError",
      internet: "OSError",
      writeRoot: "OSError",
      writeApi: "OSError",
      removeApi: "OSError",
      dockerSock: false,
      workspace: "worked",
      tmp: "worked",
      setuid: "PermissionError",
      devices: [],
    });
  });

  test("T2 opens the runtime API of its own job alone", async ({ expect }) => {
    const first = plane.job("echo \"$CRONIUM_TOKEN\" | sed 's/./& /g'; sleep 60");
    plane.offer(first);
    await until("the first one runs", () => plane.logText(first, "stdout").includes("\n"));
    const second = plane.job(
      `call() { curl -s -o /dev/null -w '%{http_code}\\n' --unix-socket /run/cronium/api.sock "$@"; }
       call -H "Authorization: Bearer $STOLEN" "http://x/v1/executions/$CRONIUM_RUN_ID/input"
       call -H "Authorization: Bearer $CRONIUM_TOKEN" "http://x/v1/executions/${first.runId}/input"
       call "http://x/v1/executions/$CRONIUM_RUN_ID/input"
       call -H "Authorization: Bearer $CRONIUM_TOKEN" "http://x/v1/executions/$CRONIUM_RUN_ID/input"
       call http://x/v1/job
       head -c 2000000 /dev/zero | tr '\\0' 1 | call --data-binary @- -H "Authorization: Bearer $CRONIUM_TOKEN" "http://x/v1/executions/$CRONIUM_RUN_ID/output" -H content-type:application/json`,
      // Letter by letter: the log hides the token as it is.
      { env: { STOLEN: plane.logText(first, "stdout").replaceAll(/\s/g, "") } },
    );

    plane.offer(second);
    await plane.finished(second);
    plane.send({ type: "cancel", runId: first.runId, attempt: 1, reason: "user", graceMs: 0 });
    await plane.finished(first);

    expect(plane.logText(second, "stdout").trim().split("\n")).toEqual(["403", "403", "401", "200", "403", "413"]);
  });

  test("T5 survives a fork bomb and a memory bomb next door", async ({ expect }) => {
    const forks = plane.job("import os\nwhile True: os.fork()", { runtime: "python", timeoutMs: 20_000 });
    const memory = plane.job("head -c 1G /dev/zero | tail", { memoryMb: 64, timeoutMs: 20_000 });
    const neighbour = plane.job("echo fine");

    plane.offer(forks, memory);
    await until("both run", () => plane.started(forks) && plane.started(memory));
    plane.offer(neighbour);

    expect(await plane.finished(neighbour)).toMatchObject({ outcome: "succeeded" });
    expect((await plane.finished(forks)).outcome).not.toBe("succeeded");
    expect((await plane.finished(memory)).outcome).toBe("failed");
  });
});

describe("T9 mounts of the local policy", () => {
  test("are read-only unless the policy says otherwise", async ({ expect }) => {
    const job = plane.job("cat /data/greeting.txt; cp /data/greeting.txt /backup/; echo x > /data/x || echo denied", {
      mounts: [
        { name: "in", target: "/data" },
        { name: "out", target: "/backup" },
      ],
    });

    plane.offer(job);
    const result = await plane.finished(job);

    expect(result.outcome).toBe("succeeded");
    expect(plane.logText(job, "stdout")).toBe("hello\ndenied\n");
    expect(readFileSync(join(folder, "out", "greeting.txt"), "utf8")).toBe("hello\n");
  });

  test.for([
    ["other", "is not named"],
    ["gone", "does not exist"],
    ["everything", "whole machine"],
  ] as const)("are declined when %s %s", async ([name, why], { expect }) => {
    const job = plane.job("true", { mounts: [{ name, target: "/data" }] });

    plane.offer(job);
    await until("it is declined", () => plane.of("decline").some(({ runId }) => runId === job.runId));

    const declined = plane.of("decline").find(({ runId }) => runId === job.runId);
    expect(declined?.reason).toBe("policy_denied");
    expect(declined?.message).toContain(`"${name}"`);
    expect(declined?.message).toContain(why);
  });
});

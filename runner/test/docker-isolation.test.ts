import { networkInterfaces } from "node:os";
import type Docker from "dockerode";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { type DockerFixture, nothingLeft, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

let fixture: DockerFixture;
let plane: FakePlane;

beforeAll(async () => {
  fixture = await startDockerFixture();
  plane = fixture.plane;
});
afterAll(() => stopDockerFixture(fixture));
afterEach(() => nothingLeft(fixture));

/** Tries what a hostile script would, and prints what became of each as JSON. */
const PROBES = `
import ctypes, errno, json, os, socket, stat, sys
libc = ctypes.CDLL(None, use_errno=True)
def outcome(do):
    try:
        value = do()
        return "worked" if value is None else value
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
def call(name, *args):
    def do():
        if getattr(libc, name)(*args) == -1:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    return outcome(do)
def connect(host, port):
    def do():
        sock = socket.socket()
        sock.settimeout(2)
        sock.connect((host, port))
    return outcome(do)
def reach(path):
    def do():
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
    return outcome(do)
writable, sockets = [], []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys")]
    if os.access(folder, os.W_OK):
        writable.append(folder)
    sockets += [os.path.join(folder, name) for name in files if stat.S_ISSOCK(os.lstat(os.path.join(folder, name)).st_mode)]
root = outcome(lambda: (os.stat("/proc/1/root").st_dev, os.stat("/proc/1/root").st_ino) == (os.stat("/").st_dev, os.stat("/").st_ino))
others = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        others.append(open(f"/proc/{pid}/cmdline", "rb").read().decode().replace("\\0", " ").strip())
    except OSError:
        pass
print(json.dumps({
    "dockerSocket": [reach("/var/run/docker.sock"), reach("/run/docker.sock")],
    "rootOfInit": root in (True, "EACCES", "EPERM"),
    "mount": call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "unshareUser": call("unshare", 0x10000000),
    "chroot": outcome(lambda: os.chroot("/tmp")),
    "mknod": outcome(lambda: os.mknod("/tmp/disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0))),
    "rawSocket": outcome(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) and None),
    "bpf": call("syscall", 321, 0, None, 0),
    "keyctl": call("syscall", 250, 0, -3, 0, 0, 0),
    "setuid": outcome(lambda: os.setuid(0)),
    "setgid": outcome(lambda: os.setgid(0)),
    "setuidFile": outcome(lambda: (open("/tmp/s", "w").close(), os.chmod("/tmp/s", 0o4755), os.chown("/tmp/s", 0, 0)) and None),
    "corePattern": outcome(lambda: open("/proc/sys/kernel/core_pattern", "w").write("|/tmp/x")),
    "sysrq": outcome(lambda: open("/proc/sysrq-trigger", "w").write("b")),
    "kcore": outcome(lambda: len(open("/proc/kcore", "rb").read(16))),
    "cgroup": outcome(lambda: os.mkdir("/sys/fs/cgroup/x")),
    "devices": sorted(name for name in os.listdir("/dev") if stat.S_ISBLK(os.stat("/dev/" + name).st_mode) or name in ("mem", "kmsg", "port")),
    "writable": sorted(writable),
    "sockets": sockets,
    "neighbour": [line for line in others if "neighbour-marker" in line and "import ctypes" not in line],
    "addresses": [connect(host, port) for host in HOSTS for port in (22, 80, 2375)],
}))
`;

describe("T1 T3 a script that tries to get out", () => {
  test("finds no way: not to the engine, the machine, its neighbours, devices or other rights", async ({ expect }) => {
    const own = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4")
      .map(({ address }) => address);
    const hosts = ["169.254.169.254", "172.17.0.1", ...own];
    const neighbour = plane.job("echo here; exec -a neighbour-marker sleep 120");
    plane.offer(neighbour);
    await until("the neighbour runs", () => plane.logText(neighbour) !== "");

    const job = plane.job(`HOSTS = ${JSON.stringify(hosts)}\n${PROBES}`, { runtime: "python" });
    plane.offer(job);
    await plane.finished(job);
    plane.send({ type: "cancel", runId: neighbour.runId, attempt: 1, reason: "user", graceMs: 0 });
    await plane.finished(neighbour);

    expect(plane.logText(job, "stderr")).toBe("");
    expect(JSON.parse(plane.logText(job, "stdout"))).toEqual({
      dockerSocket: ["ENOENT", "ENOENT"],
      rootOfInit: true,
      mount: "EPERM",
      unshareUser: "EPERM",
      chroot: "EPERM",
      mknod: "EPERM",
      rawSocket: "EPERM",
      bpf: "EPERM",
      keyctl: "EPERM",
      setuid: "EPERM",
      setgid: "EPERM",
      setuidFile: "EPERM",
      corePattern: "EROFS",
      sysrq: expect.stringMatching(/^(?:EROFS|EACCES|EPERM|ENOENT)$/),
      kcore: expect.toSatisfy((seen) => [0, "EACCES", "EPERM", "ENOENT"].includes(seen as string)),
      cgroup: expect.stringMatching(/^(?:EROFS|EACCES|EPERM)$/),
      devices: [],
      writable: ["/dev/mqueue", "/dev/shm", "/tmp", "/workspace"],
      sockets: ["/run/cronium/api.sock"],
      neighbour: [],
      addresses: hosts.flatMap(() => ["ENETUNREACH", "ENETUNREACH", "ENETUNREACH"]),
    });
  });
});

/** The checks of section 5 of CIS Docker Benchmark 1.3 that speak of a running container. */
type Check = (live: Docker.ContainerInspectInfo, processes: string) => boolean;
const SENSITIVE = ["/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr"];
const checks: Readonly<Record<string, Check>> = {
  "5.3 Linux kernel capabilities are restricted": ({ HostConfig: h }) =>
    h.CapDrop?.join() === "ALL" && (h.CapAdd ?? []).length === 0,
  "5.4 privileged containers are not used": ({ HostConfig: h }) => h.Privileged === false,
  "5.5 sensitive host directories are not mounted": ({ Mounts: mounts }) =>
    mounts.every(({ Source: source }) => !SENSITIVE.includes(source)),
  "5.6 sshd is not run": (_live, processes) => !processes.includes("sshd"),
  "5.7 privileged ports are not mapped": ({ HostConfig: h }) => Object.keys(h.PortBindings ?? {}).length === 0,
  "5.8 only needed ports are open": ({ NetworkSettings: n }) => Object.keys(n.Ports).length === 0,
  "5.9 the host's network namespace is not shared": ({ HostConfig: h }) => h.NetworkMode !== "host",
  "5.10 memory is limited": ({ HostConfig: h }) => (h.Memory ?? 0) > 0 && h.MemorySwap === h.Memory,
  "5.11 CPU is limited": ({ HostConfig: h }) => (h.NanoCpus ?? 0) > 0,
  "5.12 the root file system is read-only": ({ HostConfig: h }) => h.ReadonlyRootfs === true,
  "5.13 incoming traffic is bound to an interface": ({ HostConfig: h }) => h.PublishAllPorts !== true,
  "5.14 restarts are limited": ({ HostConfig: h }) => ["", "no"].includes(h.RestartPolicy?.Name ?? ""),
  "5.15 the host's process namespace is not shared": ({ HostConfig: h }) => h.PidMode === "",
  "5.16 the host's IPC namespace is not shared": ({ HostConfig: h }) => h.IpcMode === "private",
  "5.17 host devices are not exposed": ({ HostConfig: h }) => (h.Devices ?? []).length === 0,
  "5.18 ulimits are set": ({ HostConfig: h }) => (h.Ulimits ?? []).some(({ Name: name }) => name === "nofile"),
  "5.19 mount propagation is not shared": ({ Mounts: mounts }) =>
    mounts.every(({ Propagation: propagation }) => !String(propagation).includes("shared")),
  "5.20 the host's UTS namespace is not shared": ({ HostConfig: h }) => h.UTSMode === "",
  "5.21 the default seccomp profile is not disabled": ({ HostConfig: h }) =>
    !(h.SecurityOpt ?? []).some((option: string) => option.includes("unconfined")),
  "5.24 cgroup usage is confirmed": ({ HostConfig: h }) => (h.CgroupParent ?? "") === "",
  "5.25 no additional privileges are acquired": ({ HostConfig: h }) =>
    (h.SecurityOpt ?? []).some((option: string) => option.startsWith("no-new-privileges")),
  "5.27 images are named by what does not move": ({ Config: c }) => /^cronium\/[a-z]+:[0-9a-f]{12}$/.test(c.Image),
  "5.28 the PIDs limit is used": ({ HostConfig: h }) => (h.PidsLimit ?? 0) > 0,
  "5.29 the bridge docker0 is not used": ({ NetworkSettings: n }) =>
    Object.values(n.Networks).every(({ IPAddress: address }) => address === ""),
  "5.30 the host's user namespaces are not shared": ({ HostConfig: h }) => h.UsernsMode !== "host",
  "5.31 the Docker socket is not mounted": (live) => !JSON.stringify(live.Mounts).includes("docker.sock"),
};
/**
 * Not checked: 5.1 and 5.2 (AppArmor, SELinux) are the engine's own and on where the machine has them; 5.22 and 5.23
 * speak of `docker exec`, which the runner never uses; 5.26 asks for a health check, and the runner watches a job itself.
 */
const EXCEPTIONS = ["5.1", "5.2", "5.22", "5.23", "5.26"];

describe("T1 CIS Docker Benchmark, section 5, on a live job", () => {
  test("holds, check by check", async ({ expect }) => {
    const job = plane.job("echo ready; sleep 60");
    plane.offer(job);
    await until("it runs", () => plane.logText(job) !== "");
    const container = fixture.docker.getContainer(`cronium-${job.runId}-1`);
    const [live, { Processes: processes }] = await Promise.all([container.inspect(), container.top()]);
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 0 });
    await plane.finished(job);

    const failed = Object.entries(checks).filter(([, check]) => !check(live, JSON.stringify(processes)));
    expect(failed.map(([name]) => name)).toEqual([]);
    const ids = [...Object.keys(checks).map((name) => name.split(" ")[0] ?? ""), ...EXCEPTIONS];
    expect(new Set(ids)).toEqual(new Set(Array.from({ length: 31 }, (_, index) => `5.${index + 1}`)));
  });
});

describe("T5 bombs", () => {
  test.for([
    ["a full disk", "head -c 1G /dev/zero >/tmp/bomb", { failReason: "exit_code" }, /No space left/],
    ["a full workspace", "head -c 1G /dev/zero >/workspace/bomb", { outcome: "failed" }, null],
    [
      "a million files",
      "python3 -c 'import os\nfor i in range(1000000): os.close(os.open(f\"/tmp/{i}\", os.O_CREAT))'",
      { outcome: "failed" },
      null,
    ],
    [
      "too many open files",
      "python3 -c 'import os\nwhile True: os.dup(0)'",
      { failReason: "exit_code" },
      /Too many open files/,
    ],
  ] as const)("%s ends the job that made it, and nobody else's", async ([, script, expected, said], { expect }) => {
    const python = script.startsWith("python3");
    const inner = /'([\s\S]*)'$/.exec(script)?.[1] ?? "";
    const bomb = plane.job(python ? inner : script, {
      runtime: python ? "python" : "bash",
      memoryMb: 96,
      timeoutMs: 60_000,
      container: { files: 256 },
    });
    const neighbour = plane.job("sleep 1; echo fine");
    plane.offer(neighbour, bomb);
    expect(await plane.finished(bomb, 90_000)).toMatchObject(expected);
    expect(await plane.finished(neighbour)).toMatchObject({ outcome: "succeeded" });
    if (said !== null) {
      expect(plane.logText(bomb, "stderr")).toMatch(said);
    }
    const after = plane.job("echo alive");
    plane.offer(after);
    expect(await plane.finished(after)).toMatchObject({ outcome: "succeeded" });
  });
});

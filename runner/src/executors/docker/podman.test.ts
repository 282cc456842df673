import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import type { ContainerCreateOptions } from "dockerode";
import { describe, test } from "vitest";
import { delay, systemClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import { Engine } from "./engine.ts";
import { folderIsThere, forPodman, speaking } from "./podman.ts";

const WORKSPACE = "rw,nosuid,nodev,exec,uid=10001,gid=10001,mode=0700,size=256m";
const OPTIONS: ContainerCreateOptions = {
  Image: "cronium/bash:1",
  NetworkDisabled: true,
  HostConfig: {
    CapDrop: ["ALL"],
    LogConfig: { Type: "local", Config: { "max-size": "10m" } },
    Tmpfs: { "/tmp": "rw,mode=1777,size=128m", "/workspace": WORKSPACE },
  },
};

/** What `GET /version` answers. */
const ANSWERS = {
  podman: {
    Platform: { Name: "linux/amd64/debian-12" },
    Components: [
      { Name: "Podman Engine", Version: "4.3.1", Details: { APIVersion: "4.3.1" } },
      { Name: "Conmon", Version: "conmon version 2.1.6, commit: unknown" },
    ],
    Version: "4.3.1",
    ApiVersion: "1.41",
  },
  docker: { Components: [{ Name: "Engine", Version: "20.10.24" }, { Name: "containerd" }], Version: "20.10.24" },
} as const;

describe("a container made by Podman", () => {
  test("has no network, by the one of two ways that Podman does not ignore", ({ expect }) => {
    const made = forPodman(OPTIONS);

    expect(made).not.toHaveProperty("NetworkDisabled");
    expect(made.HostConfig?.NetworkMode).toBe("none");
  });

  test("keeps a network that it is to have", ({ expect }) => {
    const made = forPodman({ ...OPTIONS, NetworkDisabled: false, HostConfig: { NetworkMode: "cronium-s1" } });

    expect(made.HostConfig).toEqual({ NetworkMode: "cronium-s1" });
  });

  test("has folders in memory that belong to its user, without an owner by number", ({ expect }) => {
    expect(forPodman(OPTIONS).HostConfig?.Tmpfs).toEqual({
      "/tmp": "rw,mode=1777,size=128m,notmpcopyup",
      "/workspace": "rw,nosuid,nodev,exec,mode=0700,size=256m,U,notmpcopyup",
    });
  });

  test("stores no output, and stays as hardened as it was", ({ expect }) => {
    const { HostConfig: host, Image: image } = forPodman(OPTIONS);

    expect(host).toMatchObject({ CapDrop: ["ALL"], LogConfig: { Type: "none" } });
    expect(image).toBe("cronium/bash:1");
  });
});

test("a job's folder is waited for until it is there, or nobody wants the job any more", async ({
  expect,
  onTestFinished,
}) => {
  const parent = mkdtempSync(join(tmpdir(), "cronium-podman-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const abandoned = new AbortController();
  const order: string[] = [];
  const there = folderIsThere(join(parent, "s1"), systemClock, abandoned.signal).then(() => order.push("there"));
  const never = folderIsThere(join(parent, "s2"), systemClock, abandoned.signal).then(() => order.push("given up"));

  await delay(systemClock, 30);
  order.push("made");
  mkdirSync(join(parent, "s1"));
  await there;
  abandoned.abort();
  await never;

  expect(order).toEqual(["made", "there", "given up"]);
});

test.for([
  ["podman", true],
  ["docker", false],
] as const)(
  "the engine that answers as %s is known for it, before a container is made",
  async ([name, podman], { expect, onTestFinished }) => {
    const asked: ContainerCreateOptions[] = [];
    const docker = {
      version: async () => ANSWERS[name],
      createContainer: async (options: ContainerCreateOptions) => void asked.push(options),
      ping: async () => "OK",
    } as unknown as Docker;
    const engine = new Engine({ docker, clock: systemClock, log: silentLog(), changed: () => {} });
    onTestFinished(() => engine.close());
    const spoken = speaking(docker, () => engine.podman);

    await engine.look();
    await engine.look();
    await spoken.createContainer(OPTIONS);

    expect(engine.podman).toBe(podman);
    expect(asked).toEqual([podman ? forPodman(OPTIONS) : OPTIONS]);
    expect(await spoken.ping()).toBe("OK");
  },
);

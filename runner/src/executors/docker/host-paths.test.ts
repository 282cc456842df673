import type Docker from "dockerode";
import { describe, test } from "vitest";
import { hostPaths, ownContainer } from "./host-paths.ts";

const ID = "ab".repeat(32);

function engine(answer: () => unknown): Docker {
  return { getContainer: () => ({ inspect: async () => answer() }) } as unknown as Docker;
}

const volume = { Type: "volume", Source: "/var/lib/docker/volumes/cronium/_data", Destination: "/data" };
const inside = { Type: "bind", Source: "/mnt/fast", Destination: "/data/spool" };

describe("folders of a runner in a container", () => {
  test.for([
    ["/data", "/var/lib/docker/volumes/cronium/_data"],
    ["/data/sockets/s1", "/var/lib/docker/volumes/cronium/_data/sockets/s1"],
    ["/data/spool/x", "/mnt/fast/x"],
    ["/database/x", "/database/x"],
    ["/srv/backups", "/srv/backups"],
  ] as const)("%s is %s for the engine", async ([path, expected], { expect }) => {
    const hostPath = await hostPaths(
      engine(() => ({ Mounts: [volume, inside] })),
      ID,
    );
    expect(hostPath(path)).toBe(expected);
  });

  test("are what they are outside of a container, and with an engine that does not know this one", async ({
    expect,
  }) => {
    const unknown = engine(() => {
      throw Object.assign(new Error("no such container"), { statusCode: 404 });
    });
    expect((await hostPaths(unknown, null))("/data/a")).toBe("/data/a");
    expect((await hostPaths(unknown, ID))("/data/a")).toBe("/data/a");
  });
});

test("the container that a process is in is told by what Docker mounts into it", ({ expect }) => {
  const line = `612 590 254:1 /var/lib/docker/containers/${ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw`;
  expect(ownContainer(`1 2 0:3 / / rw - overlay overlay rw\n${line}\n`)).toBe(ID);
  expect(ownContainer("1 2 0:3 / / rw - ext4 /dev/vda1 rw\n")).toBeNull();
});

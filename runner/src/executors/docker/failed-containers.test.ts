import type Docker from "dockerode";
import { test } from "vitest";
import { silentLog } from "../../base/log.ts";
import { FailedContainers, keptName, readKeptName } from "./failed-containers.ts";

const NOW = 1_800_000_000_000;

/** An engine with these containers: name, and when it was made in seconds. */
function engine(containers: readonly (readonly [string, number])[]) {
  const there = new Map(containers.map(([name, created]) => [name, created]));
  const docker = {
    listContainers: async () =>
      [...there].map(([name, created]) => ({
        Id: name,
        Names: [`/${name}`],
        Image: "cronium/bash:1",
        ImageID: "sha256:1",
        Created: created,
        Mounts: [
          { Type: "bind", Source: "/data/sockets/s1", Destination: "/run/cronium", RW: false },
          { Type: "bind", Source: "/data/disks/s1/root", Destination: "/workspace", RW: true },
          { Type: "bind", Source: "/srv/back ups", Destination: "/backups", RW: true },
        ],
      })),
  } as unknown as Docker;
  const removals = { remove: async (id: string) => void there.delete(id) };
  const failed = (limit: number): FailedContainers =>
    new FailedContainers({
      docker,
      runnerId: "rnr_1",
      limit,
      dataDir: "/data",
      now: () => NOW,
      log: silentLog(),
      removals,
    });
  return { failed, left: () => [...there.keys()] };
}

test("the name of a kept container holds run, attempt and its time, and is read back", ({ expect }) => {
  const name = keptName({ runId: "run_01abc", attempt: 12 }, NOW + 1);
  expect(name).toBe("cronium-kept-run_01abc-12-1800000001");
  expect(readKeptName(`/${name}`)).toEqual({ runId: "run_01abc", attempt: 12, untilMs: NOW + 1_000 });
  for (const other of [
    "cronium-run_01abc-12",
    "cronium-slot-s1",
    "cronium-kept-run_01abc",
    "mine-cronium-kept-a-1-1800000001",
  ]) {
    expect(readKeptName(other)).toBeNull();
  }
});

test("a look removes what is over and what is too much, the oldest first, and nothing else", async ({ expect }) => {
  const kept = (run: string, untilMs: number): string => keptName({ runId: run, attempt: 1 }, untilMs);
  const [over, old, middle, young] = [
    kept("run_over", NOW - 1_000),
    kept("run_old", NOW + 90_000),
    kept("run_middle", NOW + 10_000),
    kept("run_young", NOW + 50_000),
  ];
  const { failed, left } = engine([
    [middle, 20],
    [over, 40],
    ["cronium-run_alive-1", 5],
    [old, 10],
    [young, 30],
  ]);
  const two = failed(2);
  expect((await two.look()).map(({ runId }) => runId)).toEqual(["run_young", "run_middle"]);
  expect(left().toSorted()).toEqual(["cronium-run_alive-1", middle, young].toSorted());
  expect(two.list).toHaveLength(2);
  expect(await failed(0).look()).toEqual([]);
  expect(left()).toEqual(["cronium-run_alive-1"]);
});

test("a look into one brings the folders of the machine that it had, read-only, and none of the runner's own", async ({
  expect,
}) => {
  const [one] = await engine([[keptName({ runId: "run_1", attempt: 1 }, NOW + 1_000), 1]])
    .failed(1)
    .look();
  const shell = one?.look.find(({ command }) => command[1] === "run")?.command ?? [];
  expect(shell.filter((_word, index) => shell[index - 1] === "--mount")).toEqual([
    "type=bind,source=/srv/back ups,target=/backups,readonly",
  ]);
  expect(shell.slice(-3)).toEqual(["--entrypoint", "sh", "sha256:1"]);
});

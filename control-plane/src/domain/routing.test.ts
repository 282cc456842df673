import { describe, test } from "vitest";
import { closestLabel, levenshtein } from "./label-hint.ts";
import { route, type FleetMember } from "./routing.ts";
import { matches, wishesOf, type Wishes, withAbilities } from "./wishes.ts";

const member = (change: Partial<FleetMember> = {}): FleetMember => ({
  id: "rnr_1",
  name: "shed",
  labels: {},
  online: true,
  draining: false,
  paused: null,
  quarantine: null,
  notReady: [],
  heldOff: false,
  slots: 2,
  slotsUsed: 0,
  takesSecrets: true,
  takesContainers: true,
  ...change,
});

describe("routing", () => {
  test("a run that names secrets waits for a runner that they can be sealed to, and says so", ({ expect }) => {
    const wishes = withAbilities(null, { secrets: ["TOKEN"] }) ?? undefined;
    const old = member({ id: "rnr_0", name: "attic", takesSecrets: false, slots: 9 });
    expect(route({}, [old])).toMatchObject({ kind: "runner", runner: { id: "rnr_0" } });
    expect(route({}, [old], wishes)).toEqual({
      kind: "wait",
      queueReason: "runner_not_ready",
      message: "It names secrets, and attic is too old to be handed any. Upgrade the runner.",
    });
    expect(route({}, [old, member()], wishes)).toMatchObject({ kind: "runner", runner: { id: "rnr_1" } });
    expect(route({}, [old, member({ slotsUsed: 2 })], wishes)).toMatchObject({ queueReason: "runner_busy" });
    expect(withAbilities(null, { secrets: [], container: {} })).toBeNull();
  });

  test("a run with settings for its container waits for a runner that knows them, and says so", ({ expect }) => {
    const wishes = withAbilities(null, { secrets: [], container: { image: "team/app:1" } }) ?? undefined;
    const old = member({ id: "rnr_0", name: "attic", takesContainers: false, slots: 9 });
    expect(route({}, [old])).toMatchObject({ kind: "runner", runner: { id: "rnr_0" } });
    expect(route({}, [old], wishes)).toEqual({
      kind: "wait",
      queueReason: "runner_not_ready",
      message: "It has settings for its container, and attic is too old to know them. Upgrade the runner.",
    });
    expect(route({}, [old, member()], wishes)).toMatchObject({ kind: "runner", runner: { id: "rnr_1" } });
    const both = withAbilities(null, { secrets: ["TOKEN"], container: { cpus: 1 } }) ?? undefined;
    expect(route({}, [old], both)).toMatchObject({ message: expect.stringContaining("settings for its container") });
    const older = member({ name: "attic", takesSecrets: false, takesContainers: false });
    expect(route({}, [older], both)).toMatchObject({ message: expect.stringContaining("names secrets") });
  });

  test("every label a run asks for must be carried", ({ expect }) => {
    expect(matches({ gpu: "yes" }, { gpu: "yes", zone: "eu" })).toBe(true);
    expect(matches({ gpu: "yes", zone: "us" }, { gpu: "yes", zone: "eu" })).toBe(false);
    expect(matches({}, {})).toBe(true);
  });

  test("the matching runner with most free slots is chosen, by id among equals", ({ expect }) => {
    const fleet = [
      member({ id: "rnr_3", slots: 4, slotsUsed: 2 }),
      member({ id: "rnr_2", slots: 3, slotsUsed: 1 }),
      member({ id: "rnr_1", slots: 9, labels: { gpu: "no" }, notReady: ["docker_down"] }),
    ];
    expect(route({}, fleet)).toMatchObject({ kind: "runner", runner: { id: "rnr_2" } });
  });

  test("a waiting run says what it needs, what there is, and what to do", ({ expect }) => {
    const cases: [Record<string, string>, FleetMember[], string, RegExp][] = [
      [{}, [], "no_matching_runner", /No runner is registered yet\. Add one/],
      [{ gpu: "yes" }, [], "no_matching_runner", /it needs gpu=yes/],
      [{}, [member({ online: false })], "no_matching_runner", /No runner is online; registered: shed\. Start one/],
      [
        { gpu: "yes" },
        [member(), member({ id: "rnr_2" })],
        "no_matching_runner",
        /^Needs gpu=yes; 2 runners online, none has it\./,
      ],
      [
        { gpu: "yes" },
        [member({ online: false, labels: { gpu: "yes" } }), member({ id: "rnr_2" })],
        "no_matching_runner",
        /only shed has it, and it is offline/,
      ],
      [{}, [member({ slotsUsed: 2 })], "runner_busy", /Every slot of 1 matching runner is taken/],
      [{}, [member({ paused: "shed is paused: new disks" })], "runner_not_ready", /^shed is paused: new disks$/],
      [{}, [member({ draining: true })], "runner_not_ready", /shed is draining/],
      [
        {},
        [member({ quarantine: "it failed to start 5 different runs in a row." })],
        "runner_not_ready",
        /^shed is quarantined: .* release it on the Runners page\.$/,
      ],
      [{}, [member({ notReady: ["docker_down"] })], "runner_not_ready", /shed is not ready: Docker does not answer/],
      [{}, [member({ heldOff: true })], "runner_not_ready", /declined a moment ago/],
    ];
    for (const [needs, fleet, reason, message] of cases) {
      const found = route(needs, fleet);
      expect(found).toMatchObject({ kind: "wait", queueReason: reason });
      expect(found.kind === "wait" && found.message).toMatch(message);
    }
  });

  test("many names are cut short", ({ expect }) => {
    const fleet = ["a", "b", "c", "d", "e"].map((name) => member({ id: name, name, online: false }));
    const found = route({}, fleet);
    expect(found.kind === "wait" && found.message).toContain("a, b, c and 2 more");
  });
});

describe("wishes", () => {
  const wishes = (change: Partial<Wishes>): Wishes => ({ anyLabels: [], preferLabels: [], sticky: false, ...change });
  const chosen = (found: ReturnType<typeof route>): string | null => (found.kind === "runner" ? found.runner.id : null);

  test("of several sets one must be carried, wholly", ({ expect }) => {
    const any = wishes({ anyLabels: [{ gpu: "a100", zone: "eu" }, { gpu: "h100" }] });
    const with_ = (labels: Record<string, string>) => chosen(route({}, [member({ labels })], any));
    expect([with_({ gpu: "h100" }), with_({ gpu: "a100", zone: "eu" }), with_({ gpu: "a100" }), with_({})]).toEqual([
      "rnr_1",
      "rnr_1",
      null,
      null,
    ]);
    expect(route({ os: "linux" }, [member()], any)).toMatchObject({
      message: expect.stringMatching(/^Needs os=linux, gpu=a100, zone=eu or gpu=h100; 1 runner online, none has it\./),
    });
  });

  test("preferences add up, and choose only among runners with a free slot", ({ expect }) => {
    const near = { labels: { zone: "eu" }, weight: 10 };
    const fast = { labels: { disk: "nvme" }, weight: 5 };
    const prefer = wishes({ preferLabels: [near, fast] });
    const fleet = [
      member({ id: "rnr_a", slots: 99 }),
      member({ id: "rnr_b", labels: { zone: "eu" } }),
      member({ id: "rnr_c", labels: { zone: "eu", disk: "nvme" } }),
    ];
    expect(chosen(route({}, fleet, prefer))).toBe("rnr_c");
    const busy = fleet.map((one) => (one.id === "rnr_c" ? { ...one, slotsUsed: 2 } : one));
    expect(chosen(route({}, busy, prefer))).toBe("rnr_b");
    expect(chosen(route({}, fleet))).toBe("rnr_a");
  });

  test("the runner of the last run is preferred above all, if the event asks for it", ({ expect }) => {
    const fleet = [member({ id: "rnr_a", labels: { zone: "eu" } }), member({ id: "rnr_b", slotsUsed: 1 })];
    const prefer = { preferLabels: [{ labels: { zone: "eu" }, weight: 100 }] };
    expect(chosen(route({}, fleet, wishes({ ...prefer, sticky: true }), "rnr_b"))).toBe("rnr_b");
    expect(chosen(route({}, fleet, wishes(prefer), "rnr_b"))).toBe("rnr_a");
  });

  test("an event without any has none", ({ expect }) => {
    const plain = { anyLabels: [], preferLabels: [], sticky: false } as unknown as Parameters<typeof wishesOf>[0];
    expect(wishesOf(plain)).toBeNull();
    expect(wishesOf({ ...plain, sticky: true })).toEqual(wishes({ sticky: true }));
  });
});

describe("labels that were probably meant", () => {
  test("are at most two letters away, in key and value", ({ expect }) => {
    const fleet = [{ gpu: "true", zone: "eu-west" }];
    expect(closestLabel("gpu", "ture", fleet)).toBe("gpu=true");
    expect(closestLabel("gpus", "true", fleet)).toBe("gpu=true");
    expect(closestLabel("zone", "eu_west", fleet)).toBe("zone=eu-west");
    expect(closestLabel("gpu", "false", fleet)).toBeNull();
    expect(closestLabel("os", "linux", fleet)).toBeNull();
    expect(closestLabel("gpu", "true", fleet)).toBeNull();
    expect(closestLabel("n", "1", [{ n: "2" }])).toBeNull();
  });

  test("are suggested where no runner fits", ({ expect }) => {
    const found = route({ gpu: "ture", zone: "eu" }, [member({ labels: { gpu: "true", zone: "eu" } })]);
    expect(found).toMatchObject({
      message:
        "Needs gpu=ture, zone=eu; 1 runner online, none has it. Did you mean gpu=true? Give the label to a runner, or take it off the event.",
    });
  });

  test("letters are counted as insertions, deletions and replacements", ({ expect }) => {
    expect([levenshtein("", "ab"), levenshtein("kitten", "sitten"), levenshtein("ab", "ba")]).toEqual([2, 1, 2]);
    expect(levenshtein("short", "much longer")).toBeGreaterThan(2);
  });
});

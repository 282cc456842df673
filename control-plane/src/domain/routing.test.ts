import { describe, test } from "vitest";
import { matches, route, type FleetMember } from "./routing.ts";

const member = (change: Partial<FleetMember> = {}): FleetMember => ({
  id: "rnr_1",
  name: "shed",
  labels: {},
  online: true,
  draining: false,
  notReady: [],
  heldOff: false,
  slots: 2,
  slotsUsed: 0,
  ...change,
});

describe("routing", () => {
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
      [{}, [member({ draining: true })], "runner_not_ready", /shed is draining/],
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

import type { Event } from "@cronium/protocol/event";
import { CreateEvent, UpdateEvent } from "@cronium/protocol/api/events";
import { test } from "vitest";
import { chainError, chainsText } from "./chain-draft.ts";
import { changeOf, draftOf, fieldOfPointer, newDraft, readDraft } from "./event-draft.ts";

const event: Event = {
  ...CreateEvent.parse({
    name: "Backup",
    runtime: "python",
    script: "print(1)",
    labels: { a: "b=c" },
    env: { X: "1" },
    mounts: [{ name: "data", target: "/data" }],
    chains: [{ eventId: "evt_01jd3n5zq8v6w7x9y0abcdefgb", on: "any", mapping: "output" }],
  }),
  id: "evt_1",
  version: 3,
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
  archivedAt: null,
};

test("an event goes through the form unchanged", ({ expect }) => {
  const read = readDraft(draftOf(event));
  expect(read.ok && changeOf(read.event, event)).toEqual({ version: 3 });
});

test("only what changed is sent, with the version it is based on", ({ expect }) => {
  const read = readDraft({ ...draftOf(event), timeout: "5 min", labels: "" });
  const change = read.ok ? changeOf(read.event, event) : null;
  expect(change).toEqual({ version: 3, timeoutMs: 300_000, labels: {} });
  expect(UpdateEvent.safeParse(change).success).toBe(true);
});

test("a new event with a name is what the API accepts", ({ expect }) => {
  const read = readDraft({ ...newDraft(), name: "Hello" });
  expect(read.ok && CreateEvent.safeParse(read.event).success).toBe(true);
});

test("every wrong field gets its own message", ({ expect }) => {
  const read = readDraft({
    ...newDraft(),
    script: " ",
    timeout: "soon",
    memoryMb: "1.5",
    labels: "novalue",
    scriptRetries: "11",
    maxAttempts: "0",
    env: "A=1\nA=2",
  });
  expect(read.ok ? [] : Object.keys(read.errors).toSorted()).toEqual(
    ["env", "labels", "maxAttempts", "memoryMb", "name", "scriptRetries", "script", "timeout"].toSorted(),
  );
});

test("a timeout beyond the limits is refused with the range", ({ expect }) => {
  const read = readDraft({ ...newDraft(), name: "x", timeout: "25 h" });
  expect(read.ok ? "" : read.errors.timeout).toContain("24 h");
});

test("pointers of the API find their field", ({ expect }) => {
  expect(fieldOfPointer("/timeoutMs", newDraft())).toBe("timeout");
  expect(fieldOfPointer("/env/FOO", newDraft())).toBe("env");
  expect(fieldOfPointer("/kind", newDraft())).toBeNull();
});

test("settings of the container come back as they were, and an untouched form changes nothing", ({ expect }) => {
  const container = {
    image: "team/app:1",
    network: { mode: "allowlist" as const, hosts: ["a.example.com", "b.example.com:8443"] },
    cpus: 0.5,
    diskMb: 64,
    reuse: true,
    keepFailedMs: 90_000,
    packages: ["zod", "@scope/name@^1"],
  };
  const stored = { ...event, container };
  const read = readDraft(draftOf(stored));
  expect(read.ok && read.event.container).toEqual(container);
  expect(read.ok && changeOf(read.event, stored)).toEqual({ version: 3 });
  expect(read.ok && changeOf({ ...read.event, container: {} }, stored)).toEqual({ version: 3, container: {} });
  const spelledOut = { ...event, container: { cpus: 2, network: { mode: "none" as const } } };
  const plain = readDraft(draftOf(spelledOut));
  expect(plain.ok && changeOf(plain.event, spelledOut)).toEqual({ version: 3 });
  expect(fieldOfPointer("/container/image", newDraft())).toBe("container");
});

test("an event to start must be chosen, an empty mapping is none, and what is wrong is said at its field", ({
  expect,
}) => {
  const eventId = "evt_01jd3n5zq8v6w7x9y0abcdefgb";
  const draft = (chains: Parameters<typeof chainsText>[0]) =>
    readDraft({ ...draftOf(event), chains: chainsText(chains) });
  const read = draft([{ eventId, on: "success", mapping: "  " }]);
  expect(read.ok && changeOf(read.event, event)).toEqual({
    version: 3,
    chains: [{ eventId, on: "success", mapping: null }],
  });
  const missing = draft([
    { eventId, on: "success", mapping: null },
    { eventId: "", on: "any", mapping: null },
  ]);
  const message = missing.ok ? undefined : missing.errors.chains;
  expect(chainError(message, 1, "eventId")).toBe("Choose the event that starts.");
  expect([chainError(message, 0, "eventId"), chainError(message, 1, "mapping"), chainError(message, "all")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(chainError("must hold at most 10 events", "all")).toBe("must hold at most 10 events");
});

import { describe, test } from "vitest";
import { POLL_BATCH_CHARS, PollInbox, PollOutbox } from "./poll.ts";

describe("frames of a polling session", () => {
  test("are repeated until they are acknowledged, and numbered on", ({ expect }) => {
    const outbox = new PollOutbox();
    outbox.add("a");
    outbox.add("b");
    expect(outbox.batch()).toEqual({ from: 1, frames: ["a", "b"] });
    outbox.acknowledge(1);
    expect(outbox.batch()).toEqual({ from: 2, frames: ["b"] });
    outbox.acknowledge(2);
    expect(outbox.waiting).toBe(false);
    outbox.add("c");
    expect(outbox.batch()).toEqual({ from: 3, frames: ["c"] });
  });

  test("are not forgotten for an acknowledgement of the past or of what was never sent", ({ expect }) => {
    const outbox = new PollOutbox();
    outbox.add("a");
    outbox.add("b");
    outbox.acknowledge(1);
    outbox.acknowledge(0);
    outbox.acknowledge(99);
    expect(outbox.batch()).toEqual({ from: 2, frames: ["b"] });
  });

  test("travel in batches of about a mebibyte, one of them at least", ({ expect }) => {
    const outbox = new PollOutbox();
    const large = "x".repeat(POLL_BATCH_CHARS + 1);
    outbox.add(large);
    outbox.add("b");
    expect(outbox.batch()).toEqual({ from: 1, frames: [large] });
  });

  test("F5 are taken once, whatever comes twice or late", ({ expect }) => {
    const inbox = new PollInbox();
    expect(inbox.take({ from: 1, frames: ["a", "b"] })).toEqual(["a", "b"]);
    expect(inbox.take({ from: 1, frames: ["a", "b"] })).toEqual([]);
    expect(inbox.take({ from: 2, frames: ["b", "c"] })).toEqual(["c"]);
    expect(inbox.take({ from: 1, frames: ["a"] })).toEqual([]);
    expect(inbox.take({ from: 9, frames: [] })).toEqual([]);
    expect(inbox.ack).toBe(3);
  });

  test("are refused when others are missing before them", ({ expect }) => {
    const inbox = new PollInbox();
    expect(inbox.take({ from: 2, frames: ["b"] })).toBeNull();
    expect(inbox.ack).toBe(0);
  });
});

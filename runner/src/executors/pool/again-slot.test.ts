import { describe, test } from "vitest";
import { ManualClock } from "../../../test/manual-clock.ts";
import { silentLog } from "../../base/log.ts";
import type { Exit, Slot, SlotEvents } from "../types.ts";
import { SharedSlot } from "./again-slot.ts";
import { EndMark } from "./end-mark.ts";
import { Kept } from "./kept.ts";

const WORD = "0123456789abcdef";
const LINE = `\0cronium ended ${WORD}\n`;

describe("the mark behind the output of a job", () => {
  test("is found wherever chunks end, and everything before it is handed on as it is", ({ expect }) => {
    const text = `a\0b\0cronium ended other\nx${LINE}`;
    for (let cut = 0; cut <= text.length; cut += 1) {
      for (const second of [cut, Math.min(text.length, cut + 3)]) {
        let got = "";
        const mark = new EndMark(WORD, (bytes) => (got += Buffer.from(bytes).toString()));
        const parts = [text.slice(0, cut), text.slice(cut, second), text.slice(second)];
        const beyond = parts.map((part) => mark.push(Buffer.from(part)));
        expect({ got, found: mark.found, beyond }).toEqual({
          got: text.slice(0, -LINE.length),
          found: true,
          beyond: [0, 0, 0],
        });
      }
    }
  });

  test("that never comes leaves every byte to the job", ({ expect }) => {
    let got = "";
    const mark = new EndMark(WORD, (bytes) => (got += Buffer.from(bytes).toString()));
    mark.push(Buffer.from(`text${LINE.slice(0, -1)}`));
    mark.end();
    expect(got).toBe(`text${LINE.slice(0, -1)}`);
    expect(mark.found).toBe(false);
  });

  test("counts what comes behind it", ({ expect }) => {
    const mark = new EndMark(WORD, () => {});
    expect(mark.push(Buffer.from(`${LINE}abc`))).toBe(3);
    expect(mark.push(Buffer.from("d"))).toBe(1);
  });
});

class Story {
  readonly clock = new ManualClock();
  readonly closed: string[] = [];
  readonly exit = Promise.withResolvers<Exit>();
  readonly drained = Promise.withResolvers<void>();
  removed = 0;
  readonly inner: Slot = {
    ready: Promise.resolve(),
    exited: this.exit.promise,
    drained: this.drained.promise,
    start: async () => {},
    stop: async () => this.exit.resolve({ code: 143, oomKilled: false }),
    remove: async () => void (this.removed += 1),
  };
  readonly kept: Kept;
  readonly shared: SharedSlot;

  constructor(max = 2) {
    this.kept = new Kept({ clock: this.clock, log: silentLog(), max });
    this.kept.open({
      newName: () => "s2",
      folderOf: (name) => name,
      open: async () => {},
      close: async (name) => void this.closed.push(name),
    });
    this.shared = new SharedSlot({
      name: "s1",
      key: "mine",
      now: () => this.clock.monotonic(),
      keep: (one) => this.kept.keep(one),
    });
    this.shared.attach(this.inner);
  }

  job(shared = this.shared): { readonly slot: Slot; readonly text: () => string } {
    let text = "";
    const events: SlotEvents = {
      bytes: (_stream, bytes) => (text += Buffer.from(bytes).toString()),
      lost: () => {},
      value: () => {},
    };
    return { slot: shared.serve(events), text: () => text };
  }

  print(text: string, stream: "stdout" | "stderr" = "stdout"): void {
    this.shared.events.bytes(stream, Buffer.from(text));
  }

  /** As the bootstrap does it when the script has ended with 0. */
  endWell({ slot }: { readonly slot: Slot }): void {
    const line = `\0cronium ended ${slot.again?.mark.mark}\n`;
    this.print(line);
    this.print(line, "stderr");
    slot.again?.ended();
  }
}

describe("a slot that serves several jobs", () => {
  test("ends each with 0 and its own output, and is lent to the same owner alone", async ({ expect }) => {
    const story = new Story();
    const first = story.job();
    story.print("one");
    story.endWell(first);
    expect(await first.slot.exited).toEqual({ code: 0, oomKilled: false });
    await first.slot.drained;
    expect(first.slot.again?.giveBack()).toBe(true);
    expect(first.slot.again?.giveBack()).toBe(true);
    await first.slot.remove();
    expect(story.removed).toBe(0);

    expect(story.kept.reserve("another's")).toBeNull();
    expect(story.kept.reserve("mine")?.slot).toBe("s1");
    expect(story.kept.reserve("mine")).toBeNull();
    expect(story.kept.has("s1")).toBe(true);
    const shared = story.kept.fetch("s1");
    expect(shared).toBe(story.shared);
    const second = story.job(shared ?? undefined);
    story.print("two");
    expect([first.text(), second.text()]).toEqual(["one", "two"]);
    expect(second.slot.again?.mark.stdout).toBe(3 + 32 + "\0cronium ended \n".length);
    expect(second.slot.again?.mark.mark).not.toBe(first.slot.again?.mark.mark);
  });

  test("is not kept before both streams hold the mark, after a stop, or when something still prints", async ({
    expect,
  }) => {
    const unmarked = new Story();
    const one = unmarked.job();
    one.slot.again?.ended();
    expect(one.slot.again?.giveBack()).toBe(false);
    await one.slot.remove();
    expect(unmarked.removed).toBe(1);

    const stopped = new Story();
    const two = stopped.job();
    await two.slot.stop(0);
    stopped.endWell(two);
    expect(two.slot.again?.giveBack()).toBe(false);

    const loud = new Story();
    const three = loud.job();
    loud.endWell(three);
    loud.print("still here");
    expect(three.slot.again?.giveBack()).toBe(false);
    expect(three.text()).toBe("");
  });

  test("that prints between two jobs is let go", async ({ expect }) => {
    const story = new Story();
    const job = story.job();
    story.endWell(job);
    expect(job.slot.again?.giveBack()).toBe(true);
    story.print("who is this");
    await new Promise(setImmediate);
    expect(story.kept.reserve("mine")).toBeNull();
    expect([story.removed, story.closed]).toEqual([1, ["s1"]]);
  });

  test("that ends tells it as any slot does, with everything it printed", async ({ expect }) => {
    const story = new Story();
    const job = story.job();
    story.print("half\0cronium");
    story.exit.resolve({ code: 3, oomKilled: false });
    story.drained.resolve();
    expect(await job.slot.exited).toEqual({ code: 3, oomKilled: false });
    await job.slot.drained;
    expect(job.text()).toBe("half\0cronium");
    expect(job.slot.again?.giveBack()).toBe(false);
  });

  test("is let go when no job comes for a minute, when it is old, when there are too many, and at the end", async ({
    expect,
  }) => {
    const waits = new Story();
    const one = waits.job();
    waits.endWell(one);
    one.slot.again?.giveBack();
    waits.clock.advance(59_999);
    expect(waits.kept.size).toBe(1);
    waits.clock.advance(1);
    await new Promise(setImmediate);
    expect([waits.kept.size, waits.removed, waits.closed]).toEqual([0, 1, ["s1"]]);

    const old = new Story();
    const two = old.job();
    old.clock.advance(600_000);
    old.endWell(two);
    expect(two.slot.again?.giveBack()).toBe(false);

    const none = new Story(0);
    const three = none.job();
    none.endWell(three);
    expect(three.slot.again?.giveBack()).toBe(false);

    const closing = new Story();
    const four = closing.job();
    closing.endWell(four);
    four.slot.again?.giveBack();
    await closing.kept.close();
    expect([closing.removed, closing.closed, closing.clock.pending]).toEqual([1, ["s1"], 0]);
  });
});

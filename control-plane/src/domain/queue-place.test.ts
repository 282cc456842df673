import { describe, test } from "vitest";
import { a, aRestarted, b, exit3, ok, Story } from "../../test/engine/run-story.ts";
import { keyAt, valueAt } from "./json-pointer.ts";
import { limitMessage } from "./queue-place.ts";

describe("I16 a run's place under a concurrency limit", () => {
  test("is taken by the offer, and given back by a decline or the end", ({ expect }) => {
    const story = new Story();
    expect(story.run.holds).toBe(false);
    expect(story.offer().run.holds).toBe(true);
    expect(story.do({ type: "decline", by: a, reason: "full", message: null }).run.holds).toBe(false);
    expect(story.finished(ok).run).toMatchObject({ state: "succeeded", holds: false });
  });

  test("is given back while a failed run waits for its retry", ({ expect }) => {
    const story = new Story({ scriptRetries: 1 });
    expect(story.finished(exit3).run).toMatchObject({ state: "queued", holds: false });
  });

  test("is kept while the script has ended and its log drains, and while it is being stopped", ({ expect }) => {
    const story = new Story().running();
    expect(story.do({ type: "exited", by: a, result: ok }).run.holds).toBe(true);
    expect(new Story().running().do({ type: "cancel" }).run).toMatchObject({ state: "cancelling", holds: true });
  });

  test("is kept by a lost attempt, which may be adopted back, until the next one ends it", ({ expect }) => {
    const story = new Story().running().do({ type: "deadline_passed" });
    expect(story.run).toMatchObject({ state: "queued", holds: true });
    story.do({ type: "hold", by: aRestarted, held: "running" });
    expect(story.run).toMatchObject({ state: "running", holds: true });
    story.do({ type: "deadline_passed" }).offer(b);
    expect(story.run).toMatchObject({ attempt: 2, holds: true });
    expect(story.do({ type: "decline", by: b, reason: "full", message: null }).run.holds).toBe(false);
  });

  test("is kept while a run waits for its lost runner", ({ expect }) => {
    const story = new Story({ onLost: "wait" }).running().do({ type: "deadline_passed" });
    expect(story.run).toMatchObject({ state: "waiting", holds: true });
    expect(story.do({ type: "cancel" }).run.holds).toBe(false);
  });

  test("a lost attempt whose run has no place any more is not adopted", ({ expect }) => {
    const story = new Story().running().do({ type: "deadline_passed" });
    story.run = { ...story.run, holds: false };
    story.do({ type: "hold", by: aRestarted, held: "running" });
    expect([story.reply, story.run.state]).toEqual([{ kind: "kill" }, "queued"]);
  });
});

test("a limit is explained by its number, who uses it, and what helps", ({ expect }) => {
  expect(limitMessage({ of: "workspace", limit: 1 })).toMatch(/^The workspace allows 1 run at a time,.*settings/);
  expect(limitMessage({ of: "event", limit: 2, name: "Nightly" })).toMatch(/^Nightly allows 2 runs at a time/);
  const key = { of: "key", limit: 1, what: "/customer", value: '"acme"' } as const;
  expect(limitMessage({ ...key, holders: ["run_1"] })).toContain(
    '/customer = "acme" allows 1 run at a time; under way: run_1.',
  );
  expect(limitMessage({ ...key, holders: ["a", "b", "c", "d", "e"] })).toContain("a, b, c and 2 more");
});

describe("pointers into an input", () => {
  const input = { customer: { id: 7, "a/b": "x", "m~n": [1, { deep: true }] }, none: null };
  test("find values in objects and lists", ({ expect }) => {
    expect(valueAt(input, "/customer/id")).toBe(7);
    expect(valueAt(input, "/customer/a~1b")).toBe("x");
    expect(valueAt(input, "/customer/m~0n/1/deep")).toBe(true);
  });

  test("find nothing where nothing is, not even what every object inherits", ({ expect }) => {
    for (const pointer of [
      "/x",
      "/customer/id/deeper",
      "/constructor",
      "/customer/m~0n/length/x",
      "/customer/m~0n/9",
    ]) {
      expect(valueAt(input, pointer), pointer).toBeUndefined();
    }
    expect([keyAt(input, "/none"), keyAt(input, "/x"), keyAt(null, "/x")]).toEqual([null, null, null]);
  });

  test("tell a number from its text", ({ expect }) => {
    expect(keyAt({ id: 7 }, "/id")).not.toBe(keyAt({ id: "7" }, "/id"));
  });
});

import { describe, test } from "vitest";
import { Input } from "../base/input.ts";
import { dedupeFlags } from "./dedupe-flags.ts";

const flags = (given: Readonly<Record<string, string>>) => dedupeFlags(new Input([], given));

describe("--dedupe", () => {
  test.for<[Readonly<Record<string, string>>, unknown]>([
    [{}, undefined],
    [{ dedupe: "default" }, null],
    [{ dedupe: "none" }, { by: "none" }],
    [{ dedupe: "body" }, { by: "body", windowMs: 300_000 }],
    [{ dedupeWindow: "1m" }, { by: "body", windowMs: 60_000 }],
    [{ dedupe: "header=X-Id" }, { by: "header", header: "X-Id" }],
    [{ dedupe: "field=/a=b/id" }, { by: "field", pointer: "/a=b/id" }],
  ])("%j is %j", ([given, rule], { expect }) => {
    expect(flags(given)).toEqual(rule);
  });

  test("is refused where it says what there is not, or two things at once", ({ expect }) => {
    expect(() => flags({ dedupe: "name" })).toThrow('--dedupe is "name".');
    expect(() => flags({ dedupe: "none", dedupeWindow: "1m" })).toThrow("goes with --dedupe body, not none.");
  });
});

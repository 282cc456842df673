import { describe, test } from "vitest";
import { backoffMs, connectRefusal, isDaemonGone } from "./retryable.ts";

describe("what is worth another try", () => {
  test("F11 waits between nothing and a ceiling that doubles from 1 s to 60 s", ({ expect }) => {
    expect([1, 2, 3, 4, 5, 6, 7, 100].map((failures) => backoffMs(failures, 1))).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
    ]);
    expect(backoffMs(5, 0)).toBe(0);
    expect(backoffMs(2, 0.25)).toBe(500);
  });

  test.for([
    [401, null, "revoked"],
    [403, "runner_revoked", "revoked"],
    [403, null, "retry"],
    [403, "origin_not_allowed", "retry"],
    [426, "upgrade_required", "upgrade"],
    [426, null, "retry"],
    [404, "not_found", "retry"],
    [429, null, "retry"],
    [500, null, "retry"],
    [503, null, "retry"],
  ] as const)("an upgrade answered with %s and code %s means %s", ([status, code, meaning], { expect }) => {
    expect(connectRefusal(status, code)).toBe(meaning);
  });

  test("tells a daemon that is gone from one that says no", ({ expect }) => {
    const gone = Object.assign(new Error("connect ENOENT /var/run/docker.sock"), { code: "ENOENT" });
    const refused = Object.assign(new Error("(HTTP code 404) no such image"), { statusCode: 404 });

    expect(isDaemonGone(gone)).toBe(true);
    expect(isDaemonGone(new Error("wrapped", { cause: gone }))).toBe(true);
    expect(isDaemonGone(new Error("socket hang up"))).toBe(true);
    const going = "(HTTP code 500) server error - grpc: the client connection is closing: context canceled";
    expect(isDaemonGone(Object.assign(new Error(going), { statusCode: 500 }))).toBe(true);
    expect(isDaemonGone(refused)).toBe(false);
    expect(isDaemonGone("text")).toBe(false);
  });
});

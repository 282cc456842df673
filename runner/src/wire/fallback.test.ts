import { describe, test } from "vitest";
import { Fallback, type Attempt } from "./fallback.ts";

const blocked: Attempt = {
  lastedMs: 5,
  refusal: { status: 403, code: null, detail: "the control plane answered 403" },
  error: null,
};
const away: Attempt = {
  lastedMs: 5,
  refusal: null,
  error: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }),
};

function failing(times: number, attempt: Attempt): Fallback {
  const fallback = new Fallback();
  for (let time = 0; time < times; time += 1) {
    fallback.failed("websocket", attempt);
  }
  return fallback;
}

describe("F38 the choice of what carries the connection", () => {
  test("is polling after three WebSockets in a row that were refused, cut or stripped", ({ expect }) => {
    const stripped = { ...blocked, refusal: { status: 422, code: "invalid_value", detail: "is a WebSocket" } };
    const cut = { lastedMs: 5, refusal: null, error: new Error("socket hang up") };
    for (const attempt of [blocked, stripped, cut]) {
      expect(failing(2, attempt).transport).toBe("websocket");
      expect(failing(3, attempt).transport).toBe("polling");
    }
  });

  test("is polling after two that opened and stayed silent", ({ expect }) => {
    const silent = { lastedMs: 30_000, refusal: null, error: null };
    expect(failing(1, silent).transport).toBe("websocket");
    expect(failing(2, silent).transport).toBe("polling");
  });

  test("says nothing about WebSockets while the control plane is away, busy or broken", ({ expect }) => {
    const busy = { ...blocked, refusal: { status: 429, code: "rate_limited", detail: "" } };
    const broken = { ...blocked, refusal: { status: 503, code: "not_available", detail: "" } };
    for (const attempt of [away, busy, broken]) {
      expect(failing(50, attempt).transport).toBe("websocket");
    }
  });

  test("counts anew once frames have passed both ways", ({ expect }) => {
    const fallback = failing(2, blocked);
    fallback.works("websocket");
    fallback.failed("websocket", blocked);
    fallback.failed("websocket", blocked);
    expect(fallback.transport).toBe("websocket");
  });

  test("takes turns while neither works", ({ expect }) => {
    const fallback = failing(3, blocked);
    const seen = [0, 1, 2, 3].map(() => {
      fallback.failed(fallback.transport, blocked);
      return fallback.transport;
    });
    expect(seen).toEqual(["websocket", "polling", "websocket", "polling"]);
  });

  test("looks for a WebSocket after 10 s, then ever more seldom, at least every 10 minutes", ({ expect }) => {
    const fallback = failing(3, blocked);
    fallback.works("polling");
    expect(Array.from({ length: 8 }, () => fallback.nextProbeMs(1))).toEqual([
      10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 600_000, 600_000,
    ]);
    expect(fallback.nextProbeMs(0)).toBe(300_000);
    fallback.works("websocket");
    expect(fallback.nextProbeMs(1)).toBe(10_000);
  });
});

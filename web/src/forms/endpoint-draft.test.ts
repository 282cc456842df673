import type { Endpoint } from "@cronium/protocol/endpoint";
import { describe, test } from "vitest";
import { endpointChange, endpointDraft, endpointProblems, newEndpoint, withTarget } from "./endpoint-draft.ts";

const endpoint: Endpoint = {
  id: "ept_01m7zbrewbyy1f59xvh2kcdvyz",
  name: "Orders",
  targets: [
    { eventId: "evt_a", filter: "body.kind == 'paid'", mapping: null },
    { eventId: "evt_b", filter: null, mapping: "body.order" },
  ],
  verification: { kind: "hmac", header: "X-Sig", prefix: "v1=", algorithm: "sha512", encoding: "base64" },
  dedupe: null,
  wait: null,
  enabled: true,
  path: "/hooks/x",
  version: 3,
  secretSetAt: null,
  previousSecretUntil: null,
  listensUntil: null,
  createdAt: "2026-11-21T02:00:00.000Z",
  updatedAt: "2026-11-21T02:00:00.000Z",
};

describe("the draft of an endpoint", () => {
  test("that nobody changed sends what is there, and asks for no secret", ({ expect }) => {
    expect(endpointChange(endpointDraft(endpoint), endpoint)).toEqual({
      version: 3,
      name: "Orders",
      targets: endpoint.targets,
    });
  });

  test.for<[Endpoint["dedupe"], Endpoint["wait"]]>([
    [{ by: "header", header: "X-Id" }, { timeoutMs: 1_500 }],
    [{ by: "field", pointer: "/event/id" }, { timeoutMs: 30_000 }],
    [{ by: "body", windowMs: 90_000 }, null],
    [{ by: "none" }, { timeoutMs: 100 }],
  ])("keeps %j and %j as they are", ([dedupe, wait], { expect }) => {
    const kept = { ...endpoint, dedupe, wait };
    expect(newEndpoint(endpointDraft(kept))).toMatchObject({ dedupe, wait });
    expect(Object.keys(endpointChange(endpointDraft(kept), kept))).toEqual(["version", "name", "targets"]);
  });

  test("names times that cannot be read, and only those that count", ({ expect }) => {
    const draft = { ...endpointDraft(null), repeatWindow: "soon", wait: "a while" };
    expect([...endpointProblems(draft).keys()]).toEqual(["/wait/timeoutMs"]);
    expect([...endpointProblems({ ...draft, repeats: "body" }).keys()]).toEqual([
      "/dedupe/windowMs",
      "/wait/timeoutMs",
    ]);
    expect(endpointProblems({ ...draft, wait: " " }).size).toBe(0);
  });

  test("sends another verification with its secret", ({ expect }) => {
    const draft = { ...endpointDraft(endpoint), kind: "bearer" as const, secret: "0123456789" };
    expect(endpointChange(draft, endpoint)).toMatchObject({ verification: { kind: "bearer" }, secret: "0123456789" });
    expect(endpointChange({ ...draft, kind: "none" }, endpoint)).not.toHaveProperty("secret");
  });

  test("leaves out events that were not chosen, and keeps the rows of the form apart", ({ expect }) => {
    const targets = withTarget(withTarget(endpointDraft(null).targets));
    expect(new Set(targets.map(({ key }) => key)).size).toBe(3);
    const chosen = targets.map((one, i) => (i === 1 ? { ...one, eventId: "evt_a", filter: " " } : one));
    expect(newEndpoint({ ...endpointDraft(null), name: " New ", targets: chosen })).toEqual({
      name: "New",
      targets: [{ eventId: "evt_a", filter: null, mapping: null }],
      verification: { kind: "standard" },
      dedupe: null,
      wait: null,
    });
  });
});

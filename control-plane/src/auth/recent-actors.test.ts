import { test } from "vitest";
import type { Actor } from "../domain/actor.ts";
import { RecentActors } from "./recent-actors.ts";

const actor: Actor = { kind: "api_key", keyId: "key_a", workspaceId: "ws_a", role: "viewer", scopes: null };

function at(start: number) {
  let now = start;
  return { now: () => now, advance: (ms: number) => (now += ms) };
}

test("a caller is remembered for ten seconds from the look-up, however often it comes", ({ expect }) => {
  const clock = at(1_000);
  const actors = new RecentActors(clock);
  actors.put("hash", actor);
  clock.advance(9_000);
  expect(actors.get("hash")).toBe(actor);
  clock.advance(1_000);
  expect(actors.get("hash")).toBeNull();
});

test("a key that expires sooner is forgotten sooner", ({ expect }) => {
  const clock = at(1_000);
  const actors = new RecentActors(clock);
  actors.put("hash", actor, 3_000);
  clock.advance(2_000);
  expect(actors.get("hash")).toBeNull();
});

test("its memory has a bound", ({ expect }) => {
  const actors = new RecentActors(at(0));
  actors.put("first", actor);
  for (let index = 0; index < 1_000; index += 1) {
    actors.put(`hash ${index}`, actor);
  }
  expect(actors.get("first")).toBeNull();
  expect(actors.get("hash 999")).toBe(actor);
});

import { test } from "vitest";
import { slotShares } from "./slot-shares.ts";

const share = (shard: number, occupied: number, wants = false) => ({ shard, occupied, wants });

test("one Dispatcher alone has all slots", ({ expect }) => {
  expect([...slotShares(4, [share(0, 3)])]).toEqual([[0, 4]]);
});

test("while nobody is full each may fill what the others leave", ({ expect }) => {
  expect([...slotShares(4, [share(0, 1), share(1, 0)])]).toEqual([
    [0, 4],
    [1, 3],
  ]);
});

test("a Dispatcher that wants in gets the next free slot of one above its share", ({ expect }) => {
  expect([...slotShares(4, [share(0, 4), share(1, 0)])]).toEqual([
    [0, 4],
    [1, 1],
  ]);
  expect([...slotShares(4, [share(0, 4), share(1, 0, true)])]).toEqual([
    [0, 3],
    [1, 1],
  ]);
  expect([...slotShares(4, [share(0, 2, true), share(1, 2, true)])]).toEqual([
    [0, 2],
    [1, 2],
  ]);
});

test("two busy Dispatchers take turns with a single slot", ({ expect }) => {
  const served = { 0: 0, 1: 0 };
  let wants: number | null = null;
  let busy: 0 | 1 = 0;
  for (let ended = 0; ended < 10; ended += 1) {
    served[busy] += 1;
    const other: 0 | 1 = busy === 0 ? 1 : 0;
    // The other one has work too: where it is told of a slot it offers, and is declined.
    wants = (slotShares(1, [share(busy, 1), share(other, 0)]).get(other) ?? 0) > 0 ? other : wants;
    const after = slotShares(1, [share(busy, 0, wants === busy), share(other, 0, wants === other)]);
    expect([after.get(busy), after.get(other)]).toEqual([0, 1]);
    busy = other;
    wants = null;
  }
  expect(served).toEqual({ 0: 5, 1: 5 });
});

test("no sum of what is filled and what is kept for others exceeds the machine", ({ expect }) => {
  for (const capacity of [1, 2, 3, 8]) {
    for (let occupied = 0; occupied <= capacity; occupied += 1) {
      for (const wants of [false, true]) {
        const shares = slotShares(capacity, [share(0, occupied), share(1, capacity - occupied, wants)]);
        for (const slots of shares.values()) {
          expect(slots).toBeGreaterThanOrEqual(0);
          expect(slots).toBeLessThanOrEqual(capacity);
        }
      }
    }
  }
});

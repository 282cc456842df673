import { describe, test } from "vitest";
import { placeShares, TURN_MS } from "./place-shares.ts";

const share = (limit: number, needs: readonly number[], now = 0): number[] => [
  ...placeShares(
    limit,
    needs.map((need, shard) => ({ shard, need })),
    now,
  ).values(),
];

describe("shares of the workspace's places", () => {
  test("are even where all need more", ({ expect }) => {
    expect(share(12, [100, 100, 100])).toEqual([4, 4, 4]);
  });

  test("leave to others what one does not need", ({ expect }) => {
    expect(share(10, [1, 100])).toEqual([1, 9]);
    expect(share(10, [0, 100])).toEqual([0, 10]);
    expect(share(10, [2, 3])).toEqual([2, 3]);
  });

  test("go round where they are odd, so that everybody is served", ({ expect }) => {
    const turns = [0, 1, 2, 3].map((turn) => share(1, [9, 9], turn * TURN_MS));
    expect(turns).toEqual([
      [1, 0],
      [0, 1],
      [1, 0],
      [0, 1],
    ]);
    expect(share(7, [9, 9, 9], TURN_MS)).toEqual([2, 3, 2]);
  });

  test("never exceed the limit or the need", ({ expect }) => {
    for (let limit = 0; limit < 12; limit += 1) {
      for (let a = 0; a < 7; a += 1) {
        for (let b = 0; b < 7; b += 1) {
          const got = share(limit, [a, b, 3], limit * TURN_MS);
          expect(got.reduce((x, y) => x + y)).toBe(Math.min(limit, a + b + 3));
          expect([got[0] ?? 0, got[1] ?? 0, got[2] ?? 0].every((x, i) => x <= ([a, b, 3][i] ?? 0))).toBe(true);
        }
      }
    }
  });
});

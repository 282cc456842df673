/**
 * The places under the workspace's limit, shared out among its Dispatchers: each gets what it needs up to an even share,
 * and what nobody else needs beyond it. Where they do not come out even, the odd places go round, so that a limit of one
 * serves everybody in turn.
 */

/** How long an odd place stays with one Dispatcher. */
export const TURN_MS = 5_000;

export interface Need {
  readonly shard: number;
  /** Places that it could use. */
  readonly need: number;
}

/** What each may have, by shard; never more than `limit` in all. */
export function placeShares(limit: number, needs: readonly Need[], now: number): Map<number, number> {
  const shares = new Map(needs.map(({ shard }) => [shard, 0]));
  let left = limit;
  let open = needs.filter(({ need }) => need > 0);
  while (left > 0 && open.length > 0) {
    const even = Math.floor(left / open.length);
    if (even === 0) {
      const first = Math.floor(now / TURN_MS) % open.length;
      for (const { shard } of [...open.slice(first), ...open.slice(0, first)].slice(0, left)) {
        shares.set(shard, (shares.get(shard) ?? 0) + 1);
      }
      break;
    }
    for (const { shard, need } of open) {
      const more = Math.min(even, need - (shares.get(shard) ?? 0));
      shares.set(shard, (shares.get(shard) ?? 0) + more);
      left -= more;
    }
    open = open.filter(({ shard, need }) => (shares.get(shard) ?? 0) < need);
  }
  return shares;
}

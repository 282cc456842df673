/**
 * The slots of one machine, shared out among the Dispatchers that it serves.
 *
 * Each Dispatcher fills the slots it believes in, without knowing of the others. So each is told how many it may fill,
 * those it fills now included: what the others leave, and, while it has less than an even share, one more than it has.
 * It may find that one taken; its offer is declined as full, and from then on a slot that becomes free is kept for it.
 *
 * Example with 4 slots and home filling all of them: the shard is told 1, offers, is declined. Home is told 3, so that
 * it does not fill the slot of the job that ends next; the shard is told 1 and gets it. So it goes on up to 2 and 2.
 */

export interface Share {
  readonly shard: number;
  /** Its jobs that take a slot. */
  readonly occupied: number;
  /** It has offered more than there was room for, a moment ago. */
  readonly wants: boolean;
}

/** How many slots each may fill, by shard. With one Dispatcher alone: all. */
export function slotShares(capacity: number, shares: readonly Share[]): Map<number, number> {
  const even = Math.max(1, Math.floor(capacity / Math.max(1, shares.length)));
  return new Map(
    shares.map((own) => {
      const others = shares.filter((other) => other !== own);
      const kept = others.reduce((sum, { occupied, wants }) => sum + occupied + (wants && occupied < even ? 1 : 0), 0);
      const mayAsk = own.occupied < even && (own.wants || !others.some(({ wants }) => wants));
      const least = mayAsk ? own.occupied + 1 : 0;
      return [own.shard, Math.min(capacity, Math.max(capacity - kept, least, 0))];
    }),
  );
}

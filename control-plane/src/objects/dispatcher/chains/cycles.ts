/**
 * Chains that would lead back to where they began are refused when an event is saved. All events are saved by one
 * Dispatcher, each in a turn of its own, so no two saves can close a circle together.
 */
import type { Chain } from "@cronium/protocol";
import type { FieldError } from "@cronium/protocol/errors";
import type { Refusal } from "../../../domain/dispatcher.ts";
import type { Shell } from "../shell.ts";

interface Linked {
  readonly id: string;
  readonly name: string;
  readonly chains: readonly Pick<Chain, "eventId">[];
}

/** Refuses events that do not exist, and the way back to the event that is being saved, by names. */
export function refuseChains(
  shell: Shell,
  event: { readonly id: string; readonly name: string },
  chains: readonly Chain[] | undefined = [],
): Refusal | null {
  if (chains.length === 0) {
    return null;
  }
  const known = reachable(shell, event, chains);
  const errors = chains.flatMap(({ eventId }, i): FieldError[] =>
    known.has(eventId)
      ? []
      : [{ pointer: `/chains/${i}/eventId`, code: "not_found", message: `is no event: ${eventId}` }],
  );
  const [missing] = errors;
  if (missing !== undefined) {
    return { ok: false, code: "invalid_value", message: `${missing.pointer} ${missing.message}.`, errors };
  }
  for (const [i, { eventId }] of chains.entries()) {
    const way = wayTo(known, event.id, eventId);
    if (way !== null) {
      const message = `leads back to the event itself: ${[event.name, ...way].join(" → ")}`;
      const pointer = `/chains/${i}/eventId`;
      return {
        ok: false,
        code: "chain_cycle",
        message: `${pointer} ${message}.`,
        errors: [{ pointer, code: "chain_cycle", message }],
      };
    }
  }
  return null;
}

/** All events that these chains lead to, level by level; the one that is being saved among them as it will be. */
function reachable(
  shell: Shell,
  event: { readonly id: string; readonly name: string },
  chains: readonly Chain[],
): ReadonlyMap<string, Linked> {
  const known = new Map<string, Linked>([[event.id, { ...event, chains }]]);
  for (let next = unknownOf(known, chains); next.length > 0;) {
    const found = shell.sql
      .exec(
        `SELECT e.id, v.name, coalesce(json_extract(v.definition, '$.chains'), '[]') AS chains
         FROM events e JOIN event_versions v ON v.event_id = e.id AND v.version = e.version
         WHERE e.id IN (SELECT value FROM json_each(?))`,
        JSON.stringify(next),
      )
      .toArray()
      .map((row): Linked => ({
        id: row["id"] as string,
        name: row["name"] as string,
        chains: JSON.parse(row["chains"] as string) as Linked["chains"],
      }));
    for (const one of found) {
      known.set(one.id, one);
    }
    next = unknownOf(
      known,
      found.flatMap((one) => one.chains),
    );
  }
  return known;
}

function unknownOf(known: ReadonlyMap<string, Linked>, chains: Linked["chains"]): string[] {
  return [...new Set(chains.map(({ eventId }) => eventId))].filter((id) => !known.has(id));
}

/** Names on the shortest way from one event to another; null where none leads there. */
function wayTo(known: ReadonlyMap<string, Linked>, goal: string, from: string): string[] | null {
  const seen = new Set([from]);
  const nameOf = (id: string): string => known.get(id)?.name ?? id;
  let ways: { readonly id: string; readonly names: readonly string[] }[] = [{ id: from, names: [nameOf(from)] }];
  while (ways.length > 0) {
    const next: typeof ways = [];
    for (const { id, names } of ways) {
      if (id === goal) {
        return [...names];
      }
      for (const { eventId } of known.get(id)?.chains ?? []) {
        if (!seen.has(eventId)) {
          seen.add(eventId);
          next.push({ id: eventId, names: [...names, nameOf(eventId)] });
        }
      }
    }
    ways = next;
  }
  return null;
}

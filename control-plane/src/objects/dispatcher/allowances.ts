/**
 * The workspace's concurrency limit over its Dispatchers. Home shares it out: a shard starts runs only on places that
 * home has written down for it, and gives a place back only after having written down that it will not use it. So what
 * home has written is never less than what shards use, whoever crashes when; home itself takes what is left.
 *
 * A shard speaks (`Ask`), home answers. Each message says how many places the shard keeps, written down with its number;
 * home takes no message that is older than the newest it has, and a shard no answer but that to its newest message.
 *
 * Example with a limit of 4: home runs 4, the shard has work. It asks: keep 0, need 4. Home has none to give, but from
 * now on fills no more than its share of 2. Two of its runs end; the shard asks again and is given 2, written down at home
 * before the answer leaves. Should the answer be lost, home counts 2 for the shard until the next message says 0.
 */
import type { Settings } from "@cronium/protocol";
import { HOME_SHARD } from "@cronium/protocol/ids";
import { placeShares } from "../../domain/place-shares.ts";
import type { PlacesAnswer, PlacesAsk } from "../../domain/sharding.ts";
import { theLine } from "./lanes.ts";
import { readSettings } from "./settings.ts";
import { readRev } from "./shard-news.ts";
import type { Allowance, Places, Shell, Turn } from "./shell.ts";

/** A shard that has not spoken for so long has no claim to more than it has. */
const SILENT_MS = 10_000;

export function readAllowance(sql: SqlStorage): Allowance {
  const row = sql.exec("SELECT value FROM meta WHERE key = 'allowance'").toArray()[0];
  return row === undefined ? { seq: 0, places: 0 } : (JSON.parse(row["value"] as string) as Allowance);
}

export function writeAllowance(shell: Shell, allowance: Allowance): void {
  shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('allowance', ?)", JSON.stringify(allowance));
  shell.places.allowance = allowance;
}

type Row = Places["grants"] extends Map<number, infer Grant> ? Grant : never;

export function readGrants(sql: SqlStorage): Places["grants"] {
  const rows = sql.exec("SELECT shard, seq, places, need, at FROM allowances").toArray() as unknown as Row[];
  return new Map(rows.map((row) => [row.shard, row]));
}

function writeGrant(shell: Shell, row: Row): void {
  const { shard, seq, places, need, at } = row;
  shell.sql.exec(
    "INSERT OR REPLACE INTO allowances (shard, seq, places, need, at) VALUES (?, ?, ?, ?, ?)",
    shard,
    seq,
    places,
    need,
    at,
  );
  shell.places.grants.set(shard, row);
}

/** A shard that has started nothing yet. */
export function noGrantYet(shell: Shell, turn: Turn, shard: number): void {
  if (!shell.places.grants.has(shard)) {
    writeGrant(shell, { shard, seq: 0, places: 0, need: 0, at: turn.now });
  }
}

/** After a limit was set where there was none: until a shard has said how many runs it has, home gives out nothing. */
export function limitChanged(shell: Shell, before: Settings, after: Settings): void {
  if (shell.shards.length > 0 && before.concurrency === null && after.concurrency !== null) {
    shell.sql.exec("DELETE FROM allowances");
    shell.places.grants.clear();
    shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('limit_rev', ?)", String(readRev(shell)));
  }
}

/** How many runs this Dispatcher may have under way when the workspace allows `limit`. */
export function placesHere(shell: Shell, limit: number, now: number): number {
  if (shell.shard !== HOME_SHARD) {
    return shell.places.allowance.places;
  }
  if (shell.shards.length === 0) {
    return limit;
  }
  const { grants } = shell.places;
  if (shell.shards.some((shard) => !grants.has(shard))) {
    return 0;
  }
  const granted = [...grants.values()].reduce((sum, { places }) => sum + places, 0);
  const someWant = [...grants.values()].some((row) => row.need > row.places && now - row.at < SILENT_MS);
  const share = someWant ? (sharesAt(shell, limit, limit, now).get(HOME_SHARD) ?? 0) : limit;
  return Math.max(0, Math.min(limit - granted, share));
}

function sharesAt(shell: Shell, limit: number, homeNeed: number, now: number): Map<number, number> {
  const needs = [...shell.places.grants.values()].map(({ shard, places, need, at }) => ({
    shard,
    need: now - at < SILENT_MS ? need : places,
  }));
  return placeShares(limit, [{ shard: HOME_SHARD, need: homeNeed }, ...needs], now);
}

/** Home's answer to a shard; null to a message that is out of date. */
export function answerAsk(shell: Shell, turn: Turn, ask: PlacesAsk): PlacesAnswer | null {
  const { concurrency: limit } = readSettings(shell.sql);
  const { shard, seq, keep, need } = ask;
  if (limit === null || seq <= (shell.places.grants.get(shard)?.seq ?? -1) || ask.rev < limitRev(shell)) {
    return null;
  }
  const { heldInAll } = theLine(shell, turn.now);
  writeGrant(shell, { shard, seq, places: keep, need, at: turn.now });
  const granted = [...shell.places.grants.values()].reduce((sum, { places }) => sum + places, 0);
  const unknown = shell.shards.some((one) => !shell.places.grants.has(one));
  const free = unknown ? 0 : Math.max(0, limit - heldInAll - granted);
  const homeNeed = shell.places.blocked ? limit : heldInAll;
  const share = sharesAt(shell, limit, homeNeed, turn.now).get(shard) ?? 0;
  const places = keep + Math.min(free, Math.max(0, share - keep));
  writeGrant(shell, { shard, seq, places, need, at: turn.now });
  // A place that was given back, or a shard that has spoken at last, may let home's own runs start.
  turn.pumpNeeded = true;
  return { seq, places, share };
}

/** The note of rules with which the limit in force began. */
function limitRev(shell: Shell): number {
  const row = shell.sql.exec("SELECT value FROM meta WHERE key = 'limit_rev'").toArray()[0];
  return Number(row?.["value"] ?? 0);
}

/** While something waits for a place, and otherwise. */
const ASK_AGAIN_MS = 250;
const GIVE_BACK_MS = 1_000;

/** When there is something to ask or to give back; infinite for home, and without a limit. */
export function askDueAt(shell: Shell): number {
  if (shell.shard === HOME_SHARD || readSettings(shell.sql).concurrency === null) {
    return Number.POSITIVE_INFINITY;
  }
  const { blocked, allowance, unreported, askedAt } = shell.places;
  if (blocked || unreported) {
    return askedAt + ASK_AGAIN_MS;
  }
  return allowance.places > 0 ? askedAt + GIVE_BACK_MS : Number.POSITIVE_INFINITY;
}

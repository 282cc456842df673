/**
 * Ids: a prefix that says what a thing is, an underscore, and 26 characters of Crockford base32 (10 of time in
 * milliseconds, 16 of randomness, after the ULID layout), so that ids sort by the moment they were made.
 *
 * The first character of a run's id is its shard (0 to 31): the Dispatcher that made the run and keeps it for life, so
 * that everybody finds it without asking. The time needs that character in the year 3084, and all ids that were made
 * before there were shards have a 0 there, which is the workspace's own Dispatcher.
 */
import * as z from "zod";

export const idPrefixes = {
  workspace: "ws",
  user: "usr",
  event: "evt",
  run: "run",
  runner: "rnr",
  apiKey: "key",
  registrationToken: "rgt",
  invitation: "inv",
  serviceAccount: "svc",
  session: "ses",
  bulk: "blk",
  endpoint: "ept",
  delivery: "dlv",
  secret: "sec",
  variable: "var",
  schedule: "sch",
  backfill: "bkf",
  message: "msg",
  request: "req",
} as const;

export type IdKind = keyof typeof idPrefixes;

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const RUN_SHARD_AT = idPrefixes.run.length + 1;

/**
 * A new id. `now` is in milliseconds since 1970, `random` holds at least 10 bytes; both are arguments so that rules
 * stay free of clocks and randomness.
 */
export function makeId(kind: IdKind, now: number, random: Uint8Array): string {
  let time = "";
  for (let rest = now, i = 0; i < 10; i += 1) {
    time = ALPHABET.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let tail = "";
  let bits = 0;
  let value = 0;
  for (const byte of random.subarray(0, 10)) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      tail += ALPHABET.charAt((value >> bits) & 31);
    }
  }
  return `${idPrefixes[kind]}_${time}${tail}`;
}

/** The workspace's own Dispatcher. */
export const HOME_SHARD = 0;
export const MAX_SHARD = 31;

/** The shard whose Dispatcher keeps this run; `HOME_SHARD` for a text that is no id. */
export function shardOf(runId: string): number {
  return Math.max(HOME_SHARD, ALPHABET.indexOf(runId.charAt(RUN_SHARD_AT) || "0"));
}

/** The same id, as a run of this shard. */
export function inShard(runId: string, shard: number): string {
  return `${runId.slice(0, RUN_SHARD_AT)}${ALPHABET.charAt(shard)}${runId.slice(RUN_SHARD_AT + 1)}`;
}

/** Whether `text` has the form of an id of this kind; says nothing about whether the thing exists. */
export function isId(kind: IdKind, text: string): boolean {
  return text.length === idPrefixes[kind].length + 27 && idPattern(kind).test(text);
}

function idPattern(kind: IdKind): RegExp {
  return new RegExp(`^${idPrefixes[kind]}_[0-9a-hjkmnp-tv-z]{26}$`);
}

/** Of an id of this kind. */
export function idSchema(kind: IdKind) {
  return z.string().regex(idPattern(kind), `must be an id that starts with ${idPrefixes[kind]}_`);
}

export const WorkspaceId = idSchema("workspace");
export const EventId = idSchema("event");
export const RunId = idSchema("run");
export const RunnerId = idSchema("runner");
export const SecretId = idSchema("secret");
export const VariableId = idSchema("variable");
export const EndpointId = idSchema("endpoint");
export const DeliveryId = idSchema("delivery");

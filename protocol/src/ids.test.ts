import { test } from "vitest";
import {
  EventId,
  HOME_SHARD,
  idPrefixes,
  type IdKind,
  inShard,
  isId,
  makeId,
  MAX_SHARD,
  RunId,
  shardOf,
} from "./ids.ts";

const kinds = Object.keys(idPrefixes) as IdKind[];
const random = (fill: number) => new Uint8Array(10).fill(fill);

test("an id names its kind and has the form that its schema accepts", ({ expect }) => {
  for (const kind of kinds) {
    const id = makeId(kind, 1_795_219_200_000, random(171));
    expect(id).toMatch(new RegExp(`^${idPrefixes[kind]}_[0-9a-hjkmnp-tv-z]{26}$`));
    expect(isId(kind, id)).toBe(true);
  }
});

test("an id of one kind is none of another", ({ expect }) => {
  const id = makeId("run", 1, random(0));
  expect(kinds.filter((kind) => isId(kind, id))).toEqual(["run"]);
  expect(RunId.safeParse(id).success).toBe(true);
  expect(EventId.safeParse(id).success).toBe(false);
});

test("ids sort by the moment they were made", ({ expect }) => {
  const moments = [0, 1, 31, 32, 1_795_219_200_000, 1_795_219_200_001, 2 ** 49];
  const ids = moments.map((now) => makeId("run", now, random(255 - (now % 7))));
  expect(ids.toSorted()).toEqual(ids);
});

test("all ten random bytes count", ({ expect }) => {
  const ids = Array.from({ length: 10 }, (_, index) => {
    const bytes = random(0);
    bytes[index] = 1;
    return makeId("run", 5, bytes);
  });
  expect(new Set(ids).size).toBe(10);
});

test("prefixes are all different", ({ expect }) => {
  expect(new Set(Object.values(idPrefixes)).size).toBe(kinds.length);
});

test("malformed ids are refused", ({ expect }) => {
  const id = makeId("run", 1, random(0));
  for (const text of [
    "",
    "run_",
    id.slice(0, -1),
    `${id}0`,
    id.toUpperCase(),
    ` ${id}`,
    `${id}\n`,
    `${id.slice(0, -1)}i`,
  ]) {
    expect(isId("run", text), JSON.stringify(text)).toBe(false);
  }
});

test("a run's id names its shard, and one that was made before there were shards names home", ({ expect }) => {
  const id = makeId("run", 1_795_219_200_000, random(255));
  expect(shardOf(id)).toBe(HOME_SHARD);
  for (let shard = HOME_SHARD; shard <= MAX_SHARD; shard += 1) {
    const there = inShard(id, shard);
    expect(RunId.safeParse(there).success).toBe(true);
    expect(shardOf(there)).toBe(shard);
    expect(inShard(there, HOME_SHARD)).toBe(id);
  }
});

test("ids of one shard sort by the moment they were made", ({ expect }) => {
  const ids = [1, 1_795_219_200_000, 1_795_219_200_001].map((now) => inShard(makeId("run", now, random(7)), 9));
  expect(ids.toSorted()).toEqual(ids);
});

test("what is no id names home", ({ expect }) => {
  for (const text of ["", "run_", "run_!", "run_u", "copy-1"]) {
    expect(shardOf(text), text).toBe(HOME_SHARD);
  }
});

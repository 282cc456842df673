/** What audit entries hold of the values that people change: small ones as they are, long ones as their hash. */
import { createHash } from "node:crypto";
import type { Json } from "@cronium/protocol";

/** Characters of JSON. */
const LONGEST = 1_024;

/** `value` is as good as JSON: fields that are undefined are left out of it. */
export function abridged(value: Json | object): Json {
  const text = JSON.stringify(value);
  return text.length <= LONGEST
    ? (JSON.parse(text) as Json)
    : { sha256: createHash("sha256").update(text).digest("hex"), characters: text.length };
}

/** Of two states of a thing, the fields that differ; null when none does. */
export function difference<T extends object>(
  before: T,
  after: T,
): { readonly before: Record<string, Json>; readonly after: Record<string, Json> } | null {
  const was = before as Readonly<Record<string, Json | undefined>>;
  const is = after as Readonly<Record<string, Json | undefined>>;
  const changed = Object.keys({ ...was, ...is }).filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]));
  if (changed.length === 0) {
    return null;
  }
  const pick = (from: typeof was): Record<string, Json> =>
    Object.fromEntries(changed.map((key) => [key, abridged(from[key] ?? null)]));
  return { before: pick(was), after: pick(is) };
}

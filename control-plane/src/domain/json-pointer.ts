/** Values inside an input, by RFC 6901 JSON pointers such as `/customer/id`. */
import type { Json } from "@cronium/protocol/json";

/** Undefined when there is nothing at that place. */
export function valueAt(input: Json, pointer: string): Json | undefined {
  let at: Json | undefined = input;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) {
      return undefined;
    }
    at = (at as Readonly<Record<string, Json>>)[key];
  }
  return at;
}

/**
 * The value at the pointer as text, equal for equal values; null when the input has none there, or null. Objects are
 * equal only with their members in the same order.
 */
export function keyAt(input: Json, pointer: string): string | null {
  const value = valueAt(input, pointer);
  return value === undefined || value === null ? null : JSON.stringify(value);
}

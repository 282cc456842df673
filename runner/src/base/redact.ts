/**
 * Keeps credentials out of the runner's own log: tokens of ours by their form, bearer headers, and the values that a
 * program registers while it runs.
 */

const FORMS: readonly RegExp[] = [
  /\bcrn[rkc]_[A-Za-z0-9_.-]{20,}/g,
  /\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}/g,
  /\b(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}/g,
];

/** Shorter values would blank out ordinary words. */
const SHORTEST_SECRET = 8;

export interface Redactor {
  /** Hides `value` from now on; ignored when it is shorter than 8 characters. */
  add(value: string): void;
  remove(value: string): void;
  text(text: string): string;
}

export function makeRedactor(): Redactor {
  const values = new Set<string>();
  return {
    add(value) {
      if (value.length >= SHORTEST_SECRET) {
        values.add(value);
      }
    },
    remove: (value) => void values.delete(value),
    text(text) {
      let result = text;
      for (const value of values) {
        result = result.replaceAll(value, "***");
      }
      for (const form of FORMS) {
        result = result.replace(form, "***");
      }
      return result;
    },
  };
}

/**
 * The code that a person compares, or types, to let a device sign in: eight letters out of twenty, in two groups.
 *
 * The alphabet is the one of RFC 8628, section 6.1: consonants alone, so that no two look alike and no word appears.
 * 20^8 codes are 34 bits, which five tries in ten minutes cannot guess.
 */

const ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";
const LENGTH = 8;
const CODE = new RegExp(`^[${ALPHABET}]{${LENGTH}}$`);
/** The largest multiple of the alphabet's length in a byte: what lies above would favour some letters. */
const FAIR_BYTES = 240;

/** A new code such as `WDJB-MJHT`. `random` holds 32 bytes, of which a sixteenth is thrown away. */
export function makeUserCode(random: Uint8Array): string {
  const letters = [...random].filter((byte) => byte < FAIR_BYTES).slice(0, LENGTH);
  if (letters.length < LENGTH) {
    throw new Error(`A user code needs ${LENGTH} bytes below ${FAIR_BYTES}; there were ${letters.length}.`);
  }
  return grouped(letters.map((byte) => ALPHABET.charAt(byte % ALPHABET.length)).join(""));
}

/** The code that a person meant: case, spaces and hyphens do not count. Null when it cannot be one. */
export function readUserCode(text: string): string | null {
  const letters = text.slice(0, 64).replaceAll(/[\s-]/g, "").toUpperCase();
  return CODE.test(letters) ? grouped(letters) : null;
}

function grouped(letters: string): string {
  return `${letters.slice(0, LENGTH / 2)}-${letters.slice(LENGTH / 2)}`;
}

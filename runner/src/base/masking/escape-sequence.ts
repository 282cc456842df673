/** Escape sequences of terminals (ECMA-48): how long one is. */

/** Longer ones are taken for text. */
const LONGEST = 1_024;
const BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const BELL = 0x07;
const ESCAPE = 0x1b;
const BACKSLASH = 0x5c;

/** Length of the sequence that begins at `at`; 0 when it is none, null when that cannot be told before more has come. */
export function escapeEnd(data: Uint8Array, at: number, isLast: boolean): number | null {
  const second = data[at + 1];
  const isCommand = second === CLOSING_BRACKET;
  for (let i = at + (second === BRACKET || isCommand ? 2 : 1); i < data.length; i += 1) {
    const byte = data[i] as number;
    if (i - at >= LONGEST) {
      return 0;
    }
    if (isCommand) {
      if (byte === BELL || (byte === BACKSLASH && data[i - 1] === ESCAPE)) {
        return i + 1 - at;
      }
    } else if (byte >= (second === BRACKET ? 0x40 : 0x30) && byte <= 0x7e) {
      return i + 1 - at;
    } else if (byte < 0x20 || byte > 0x7e) {
      return 0;
    }
  }
  return isLast ? 0 : null;
}

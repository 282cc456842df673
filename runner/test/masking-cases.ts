/** Outputs with secrets in them, cut at random, and what may not come out: for the masker's tests and their mutants. */
import { Concealed } from "../src/base/masking/concealed.ts";
import { Masker, type MaskedPiece } from "../src/base/masking/masker.ts";
import { needlesOf } from "../src/base/masking/needles.ts";

type MakeMasker = (trie: ReturnType<Concealed["news"]>, emit: (pieces: readonly MaskedPiece[]) => void) => Masker;

const makeMasker: MakeMasker = (trie, emit) => new Masker(trie, emit);

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function trieFor(secrets: readonly string[]) {
  const concealed = new Concealed();
  concealed.add(Object.fromEntries(secrets.map((secret, at) => [`S${at}`, secret])), []);
  return concealed.news();
}

export function masked(secrets: readonly string[], text: string): string {
  return wholeAndInPieces(secrets, Buffer.from(text), () => 0.5).whole.toString();
}

/** A form of a secret that is in `text`; null when there is none. */
export function leakOf(secrets: readonly string[], text: string, encoding: BufferEncoding = "utf8"): string | null {
  const bytes = Buffer.from(text, encoding);
  const leak = needlesOf(secrets).find((needle) => bytes.includes(Buffer.from(needle)));
  return leak === undefined ? null : Buffer.from(leak).toString();
}

export interface Outcome {
  readonly whole: Buffer;
  /** Cut at random. */
  readonly pieces: Buffer;
  /** As `pieces`, by a new masker behind some of the pieces; null unless asked for. */
  readonly anew: Buffer;
  readonly rawBytes: number;
  readonly heldMost: number;
}

export function wholeAndInPieces(
  secrets: readonly string[],
  output: Buffer,
  next: () => number,
  beginsAnew = false,
  make: MakeMasker = makeMasker,
): Outcome {
  const trie = trieFor(secrets);
  const whole: Uint8Array[] = [];
  const one = make(trie, (got) => whole.push(...got.map(({ bytes }) => bytes)));
  one.push(output);
  one.flush();

  const pieces: Uint8Array[] = [];
  let rawBytes = 0;
  let heldMost = 0;
  const begin = (): Masker =>
    make(trie, (got) => {
      for (const piece of got) {
        pieces.push(Uint8Array.from(piece.bytes));
        rawBytes += piece.rawBytes;
      }
    });
  let masker = begin();
  for (let at = 0; at < output.length;) {
    const length = 1 + Math.floor(next() ** 3 * 40);
    // A buffer that is used again, as a socket's may be.
    const chunk = Buffer.from(output.subarray(at, at + length));
    masker.push(chunk);
    chunk.fill(0);
    at += length;
    heldMost = Math.max(heldMost, masker.heldBytes);
    if (beginsAnew && next() < 0.2) {
      masker = begin();
      at = rawBytes;
    }
  }
  masker.flush();
  const joined = Buffer.concat(pieces);
  return { whole: Buffer.concat(whole), pieces: joined, anew: joined, rawBytes, heldMost };
}

const ALPHABETS = [
  "ab",
  "abcdefghijklmnopqrstuvwxyz0123456789",
  "aA0+/=-_",
  "x\"'\\$`&<>/% !*()#;|~^,.:@{}[]?",
  "äé€🔑п\u001b\tx",
];

function pick<T>(next: () => number, all: readonly T[]): T {
  return all[Math.floor(next() * all.length)] as T;
}

function randomText(next: () => number, longest: number): string {
  const alphabet = Array.from(pick(next, ALPHABETS));
  return Array.from({ length: 1 + Math.floor(next() * longest) }, () => pick(next, alphabet)).join("");
}

function randomSecret(next: () => number): string {
  const lines = next() < 0.2 ? 2 + Math.floor(next() * 3) : 1;
  return Array.from({ length: lines }, () => randomText(next, 30)).join(pick(next, ["\n", "\r\n"]));
}

/** Some secrets, and an output that holds parts and forms of them between other text. */
export function randomCase(next: () => number): { readonly secrets: readonly string[]; readonly output: Buffer } {
  const secrets = Array.from({ length: 1 + Math.floor(next() * 3) }, () => randomSecret(next));
  if (next() < 0.2) {
    // One that overlaps another.
    const [first = ""] = secrets;
    secrets.push(first.slice(Math.floor(first.length / 2)) + randomText(next, 5));
  }
  const needles = needlesOf(secrets);
  const parts: Uint8Array[] = [];
  for (let i = 0; i < 12; i += 1) {
    const needle = needles.length === 0 ? new Uint8Array([110, 111]) : pick(next, needles);
    const secret = Buffer.from(pick(next, secrets));
    switch (Math.floor(next() * 7)) {
      case 0:
        parts.push(Buffer.from(randomText(next, 20)));
        break;
      case 1:
        parts.push(needle.subarray(0, Math.floor(next() * needle.length)));
        break;
      case 2:
        parts.push(secret);
        break;
      case 3:
        parts.push(Buffer.from(Buffer.concat([Buffer.from(randomText(next, 4)), secret]).toString("base64")));
        break;
      case 4:
        parts.push(Buffer.from(pick(next, ["\n", "\r\n", "\u001b[31m", "\u001b", "\u001b[", " "])));
        break;
      default:
        parts.push(needle);
    }
  }
  return { secrets, output: Buffer.concat(parts) };
}

/**
 * What an archived log looks like, and its table of contents.
 *
 *     block · block · … · table (JSON in gzip) · u32 big-endian: bytes of the table · "CRNLOG2\n"
 *
 * A block is a gzip member of at most 1 MiB of records, each `u32 length · frame`, so `gunzip` reads the whole file, and a
 * reader that knows the table begins at any block. Blocks never change: when a run goes on after its log was archived, the
 * next archive holds the same blocks first. An archive of version 1 is the records themselves, without compression and
 * without a table; it counts as one plain block.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import * as z from "zod";
import type { BlobStore } from "../../domain/ports.ts";

const Block = z.tuple([
  /** Attempt and offset of its first frame. */
  z.int(),
  z.int(),
  /** Bytes of its records. */
  z.int(),
  /** Bytes in the blob. */
  z.int(),
  /** Lines of the log before it; null where it begins within a line. */
  z.int().nullable(),
  /** SHA-256 in hex of what lies in the blob; null for a plain block. */
  z.string().nullable(),
]);

export interface Block {
  readonly attempt: number;
  readonly offset: number;
  readonly rawBytes: number;
  readonly bytes: number;
  readonly lines: number | null;
  readonly sha256: string | null;
}

const Table = z.object({ blocks: z.array(Block) });
const MAGIC = new TextEncoder().encode("CRNLOG2\n");
const TRAILER_BYTES = 4 + MAGIC.length;
/** Read from the end at first: holds the table of almost every log, and the whole of most. */
const TAIL_BYTES = 32_768;

/** The table as it stands in the blob, with its trailer. */
export function encodeTable(blocks: readonly Block[]): Uint8Array<ArrayBuffer> {
  const table = gzipSync(tableText(blocks));
  const bytes = new Uint8Array(table.length + TRAILER_BYTES);
  bytes.set(table);
  new DataView(bytes.buffer).setUint32(table.length, table.length);
  bytes.set(MAGIC, table.length + 4);
  return bytes;
}

/** The same for the room's own storage. */
export function tableText(blocks: readonly Block[]): string {
  return JSON.stringify({
    blocks: blocks.map(({ attempt, offset, rawBytes, bytes, lines, sha256 }) => [
      attempt,
      offset,
      rawBytes,
      bytes,
      lines,
      sha256,
    ]),
  });
}

export function parseTable(text: string): Block[] {
  return Table.parse(JSON.parse(text)).blocks.map(([attempt, offset, rawBytes, bytes, lines, sha256]) => ({
    attempt,
    offset,
    rawBytes,
    bytes,
    lines,
    sha256,
  }));
}

/** An archive without a table, as one block. */
export function plainBlock(bytes: number): Block {
  return { attempt: 1, offset: 0, rawBytes: bytes, bytes, lines: 0, sha256: null };
}

/** What is in the archive; null when there is none. Throws when its end is damaged. */
export async function readTable(blobs: BlobStore, key: string): Promise<Block[] | null> {
  const tail = await readTail(blobs, key, TAIL_BYTES);
  if (tail === null) {
    return null;
  }
  const { bytes, sizeBytes } = tail;
  if (!MAGIC.every((byte, at) => bytes[bytes.length - MAGIC.length + at] === byte)) {
    return [plainBlock(sizeBytes)];
  }
  const tableBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - TRAILER_BYTES);
  const whole =
    tableBytes + TRAILER_BYTES <= bytes.length
      ? bytes
      : (await readTail(blobs, key, tableBytes + TRAILER_BYTES))?.bytes;
  const from = (whole?.length ?? 0) - TRAILER_BYTES - tableBytes;
  if (whole === undefined || from < 0) {
    throw new Error(`the table of the archived log claims ${tableBytes} bytes of ${sizeBytes}`);
  }
  const table = gunzipSync(whole.subarray(from, from + tableBytes));
  return parseTable(new TextDecoder().decode(table));
}

async function readTail(
  blobs: BlobStore,
  key: string,
  last: number,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly sizeBytes: number } | null> {
  const body = await blobs.get(key, { last });
  if (body === null) {
    return null;
  }
  return { bytes: new Uint8Array(await new Response(body.stream).arrayBuffer()), sizeBytes: body.sizeBytes };
}

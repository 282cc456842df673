/** Writes a finished log into one blob, and reads it again: block by block, because a log may be larger than the memory. */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { logKey } from "../../domain/blob-keys.ts";
import type { BlobBody, BlobStore } from "../../domain/ports.ts";
import { type Block, encodeTable } from "./archive-format.ts";
import { packBlocks, packedBytes, readBlocks } from "./blocks.ts";
import { whole, type WholeFrame } from "./frames.ts";
import type { Room } from "./room.ts";

export const archiveKey = logKey;

/**
 * Writes what was archived before, and behind it the frames up to row `last`; reads it again, and resolves with its size
 * once every block is known to lie there as it was packed. Repeating it gives the same bytes, because only blocks of the
 * old blob are taken over. 0 when no frame is stored: then the blob is right as it is.
 */
export async function writeArchive(room: Room, last: number): Promise<number> {
  await packBlocks(room, last);
  const blocks = readBlocks(room);
  if (blocks.length === room.baseBlocks.length) {
    return 0;
  }
  const key = archiveKey(room.workspaceId, room.runId);
  const { blobs } = room.deps;
  const table = encodeTable(blocks);
  const sizeBytes = sum(blocks, ({ bytes }) => bytes) + table.length;
  const base = room.baseBlocks.length === 0 ? null : await openBase(room);
  await blobs.put(key, { stream: streamOf(joined(room.sql, base, table)), sizeBytes });
  const written = await blobs.get(key);
  if (written === null || written.sizeBytes !== sizeBytes) {
    await written?.stream.cancel();
    throw new Error(`the archived log has ${written?.sizeBytes ?? 0} bytes, written were ${sizeBytes}`);
  }
  await verify(written, blocks, table);
  return sizeBytes;
}

/** Throws unless the blob holds these blocks and this table. */
async function verify(body: BlobBody, blocks: readonly Block[], table: Uint8Array): Promise<void> {
  const reader = new ByteReader(body.stream);
  try {
    for (const block of blocks) {
      await (block.sha256 === null ? reader.skip(block.bytes) : readBlock(reader, block));
    }
    const end = await reader.take(table.length);
    if (!table.every((byte, at) => end[at] === byte)) {
      throw new Error("the archived log does not end with its table");
    }
  } finally {
    await reader.close();
  }
}

/** Throws when less of it is there than was archived: nothing may then be written over it. */
async function openBase(room: Room): Promise<BlobBody> {
  const bytes = sum(room.baseBlocks, (block) => block.bytes);
  const body = await room.deps.blobs.get(archiveKey(room.workspaceId, room.runId), { from: 0, bytes });
  if (body === null || body.sizeBytes < bytes) {
    await body?.stream.cancel();
    const there = body === null ? "is gone" : `has ${body.sizeBytes} bytes`;
    throw new Error(`the archived log ${there}, expected are ${bytes} bytes`);
  }
  return body;
}

async function* joined(sql: SqlStorage, base: BlobBody | null, table: Uint8Array): AsyncGenerator<Uint8Array> {
  if (base !== null) {
    yield* base.stream;
  }
  yield* packedBytes(sql);
  yield table;
}

export function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) {
        controller.close();
      } else {
        controller.enqueue(value);
      }
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}

/**
 * The frames of these blocks, from block `first` on, one at a time; those before it are not fetched. Throws when the
 * blob is damaged or gone.
 */
export async function* framesOf(
  blobs: BlobStore,
  key: string,
  blocks: readonly Block[],
  first = 0,
): AsyncGenerator<WholeFrame> {
  const wanted = blocks.slice(first);
  const bytes = sum(wanted, (block) => block.bytes);
  if (bytes === 0) {
    return;
  }
  const body = await blobs.get(key, { from: sum(blocks.slice(0, first), (block) => block.bytes), bytes });
  if (body === null) {
    throw new Error("the archived log is gone");
  }
  const reader = new ByteReader(body.stream);
  try {
    for (const block of wanted) {
      if (block.sha256 === null) {
        yield* plainFrames(reader, block.bytes);
      } else {
        yield* recordsIn(gunzipSync(await readBlock(reader, block)));
      }
    }
  } finally {
    await reader.close();
  }
}

/** The last block that holds everything from a place in the log on; where lines are counted, one that begins with one. */
export function blockAt(
  blocks: readonly Block[],
  cursor: { readonly attempt: number; readonly offset: number },
  needsLines = false,
): number {
  const isBefore = ({ attempt, offset, lines }: Block): boolean =>
    (attempt < cursor.attempt || (attempt === cursor.attempt && offset <= cursor.offset)) &&
    (!needsLines || lines !== null);
  return Math.max(0, blocks.findLastIndex(isBefore));
}

async function readBlock(reader: ByteReader, { bytes, sha256, attempt, offset }: Block): Promise<Uint8Array> {
  const packed = await reader.take(bytes);
  if (createHash("sha256").update(packed).digest("hex") !== sha256) {
    throw new Error(`the archived log is damaged in the block from ${attempt}:${offset} on`);
  }
  return packed;
}

function* recordsIn(records: Uint8Array): Generator<WholeFrame> {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  for (let at = 0; at < records.length;) {
    const length = view.getUint32(at);
    yield whole(new Uint8Array(records.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
}

async function* plainFrames(reader: ByteReader, bytes: number): AsyncGenerator<WholeFrame> {
  for (let left = bytes; left > 0;) {
    const head = await reader.take(4);
    const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
    if (length + 4 > left) {
      throw new Error(`the archived log ends within a frame, ${left} bytes are left`);
    }
    yield whole(await reader.take(length));
    left -= 4 + length;
  }
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}

/** Takes a stream apart by numbers of bytes. */
class ByteReader {
  readonly #chunks: ReadableStreamDefaultReader<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#chunks = stream.getReader();
  }

  /** Exactly so many, in a buffer of their own. Throws when the stream ends before. */
  async take(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const taken = new Uint8Array(bytes);
    let filled = 0;
    await this.#each(bytes, (part) => {
      taken.set(part, filled);
      filled += part.length;
    });
    return taken;
  }

  async skip(bytes: number): Promise<void> {
    await this.#each(bytes, () => {});
  }

  async close(): Promise<void> {
    await this.#chunks.cancel();
  }

  async #each(bytes: number, use: (part: Uint8Array) => void): Promise<void> {
    for (let left = bytes; left > 0;) {
      if (this.#chunk.length === 0) {
        const { done, value } = await this.#chunks.read();
        if (done) {
          throw new Error(`the archived log ends ${left} bytes early`);
        }
        this.#chunk = value;
        continue;
      }
      const part = this.#chunk.subarray(0, left);
      use(part);
      left -= part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
  }
}

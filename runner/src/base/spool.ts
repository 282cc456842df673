/**
 * The disk spool of one attempt's log: every frame is written here before it is sent, and leaves once the log room has
 * acknowledged it. So a dropped connection or a dead runner loses nothing that the job has printed.
 *
 * On disk: a folder of segments, each a row of records `u32 length, both highest bits set · u32 crc32 of the rest · f64
 * bytes of stdout · f64 bytes of stderr · frame`, where the two say how much of the job's output has been taken up with
 * this frame; it differs from what the frames hold, because secrets are replaced before. Older versions wrote only the
 * length, with the highest bit set where a checksum follows, and the frame. Segments are named by where they begin:
 * `<seq>-<offset>-<bytes of stdout>-<bytes of stderr>-<gaps>.seg`. A segment is deleted when all its frames are acknowledged,
 * except the newest: from its name and frames the next process knows how much of each stream has been taken, also when
 * the log room has acknowledged all of it. Writes are synchronous: they go to the page cache in some 30 µs for a frame of
 * 64 KiB, which keeps order and memory trivial. A record that a power cut tore is dropped when reopening, with what
 * follows it; `tornBytes` says that it was.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { decodeLogFrame, encodeLogFrame, type LogFrame } from "@cronium/protocol";
import type { StreamTotals } from "./log-chunks.ts";

export const SPOOL_CAP_BYTES = 256 * 1024 * 1024;
const SEGMENT_BYTES = 4 * 1024 * 1024;
/** Set in the length of a record whose checksum follows. */
const WITH_CHECKSUM = 0x80000000;
/** Set where the bytes taken stand before the frame. */
const WITH_TAKEN = 0x40000000;
const TAKEN_BYTES = 16;
/** Frames held in memory while the disk is full, before bytes have to be dropped. */
const MEMORY_BYTES = 1024 * 1024;

interface Entry {
  readonly seq: number;
  /** Where its bytes are; in memory only while the disk takes nothing. */
  readonly at: { readonly segment: Segment; readonly position: number } | { readonly memory: Uint8Array };
  readonly length: number;
}

interface Segment {
  readonly path: string;
  readonly file: number;
  bytes: number;
  frames: number;
}

export class Spool {
  private readonly folder: string;
  private readonly capBytes: number;
  private entries: Entry[] = [];
  /** Entries before this index are acknowledged; compacted now and then, because shift() is slow on long arrays. */
  private head = 0;
  private current: Segment | null = null;
  private storedBytes = 0;
  private memoryBytes = 0;
  private lastSeq = -1;
  private lastOffset = 0;
  private totals: StreamTotals = { stdout: 0, stderr: 0 };
  private declaredGaps = 0;
  private torn = 0;

  private constructor(folder: string, capBytes: number) {
    this.folder = folder;
    this.capBytes = capBytes;
  }

  /** Opens a spool, with the frames that an earlier process left in it. */
  static open(folder: string, capBytes: number = SPOOL_CAP_BYTES): Spool {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const spool = new Spool(folder, capBytes);
    const names = readdirSync(folder).filter((name) => name.endsWith(".seg"));
    for (const name of names.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))) {
      spool.load(folder, name);
    }
    return spool;
  }

  /** Where the next frame goes: one past the last one written. */
  get next(): { readonly seq: number; readonly offset: number } {
    return { seq: this.lastSeq + 1, offset: this.lastOffset };
  }

  /** How much of each stream of the job's output the written frames stand for, acknowledged or not. */
  get taken(): StreamTotals {
    return this.totals;
  }

  /** Gaps declared so far, acknowledged or not. */
  get gaps(): number {
    return this.declaredGaps;
  }

  /** Bytes that a power cut took from what an earlier process had written; at least these. */
  get tornBytes(): number {
    return this.torn;
  }

  get unacknowledged(): number {
    return this.entries.length - this.head;
  }

  /** What keeps a payload of `bytes` out; null when it fits. Memory is taken only where the disk takes nothing. */
  refusal(bytes: number): "disk_full" | "spool_full" | null {
    if (this.memoryBytes + bytes > MEMORY_BYTES) {
      return "disk_full";
    }
    return this.storedBytes + bytes + 1_024 > this.capBytes ? "spool_full" : null;
  }

  /** Appends a frame, in memory where the disk does not take it, and returns it encoded. */
  append(frame: LogFrame, taken: StreamTotals): Uint8Array {
    const bytes = encodeLogFrame(frame);
    try {
      const { segment, position } = this.write(frame.header.seq, bytes, taken);
      this.add(frame, taken, { segment, position }, bytes.length);
    } catch {
      this.add(frame, taken, { memory: bytes }, bytes.length);
    }
    return bytes;
  }

  private write(
    seq: number,
    bytes: Uint8Array,
    taken: StreamTotals,
  ): { readonly segment: Segment; readonly position: number } {
    const previous = this.current;
    if (previous === null || previous.bytes >= SEGMENT_BYTES) {
      const path = join(this.folder, segmentName(seq, this.lastOffset, this.totals, this.declaredGaps));
      this.current = { path, file: openSync(path, "w+", 0o600), bytes: 0, frames: 0 };
      if (previous?.frames === 0) {
        this.discard(previous);
      }
    }
    const segment = this.current ?? previous;
    if (segment === null) {
      throw new Error("no segment is open");
    }
    const record = Buffer.allocUnsafe(8 + TAKEN_BYTES + bytes.length);
    record.writeUInt32BE((bytes.length | WITH_CHECKSUM | WITH_TAKEN) >>> 0);
    record.writeDoubleBE(taken.stdout, 8);
    record.writeDoubleBE(taken.stderr, 16);
    record.set(bytes, 8 + TAKEN_BYTES);
    record.writeUInt32BE(crc32(record.subarray(8)), 4);
    try {
      let written = 0;
      while (written < record.length) {
        written += writeSync(segment.file, record, written, record.length - written, segment.bytes + written);
      }
    } catch (error) {
      truncateSync(segment.path, segment.bytes);
      throw error;
    }
    return { segment, position: segment.bytes + 8 + TAKEN_BYTES };
  }

  /** The frame with this number, encoded; null when it was acknowledged or never written. */
  read(seq: number): Uint8Array | null {
    const first = this.entries[this.head];
    const entry = first === undefined ? undefined : this.entries[this.head + seq - first.seq];
    if (entry === undefined || seq < (first?.seq ?? 0)) {
      return null;
    }
    if ("memory" in entry.at) {
      return entry.at.memory;
    }
    const bytes = new Uint8Array(entry.length);
    readSync(entry.at.segment.file, bytes, 0, entry.length, entry.at.position);
    return bytes;
  }

  /** Drops all frames below `seq`: they are durable elsewhere. */
  acknowledge(seq: number): void {
    for (;;) {
      const entry = this.entries[this.head];
      if (entry === undefined || entry.seq >= seq) {
        break;
      }
      this.head += 1;
      if ("memory" in entry.at) {
        this.memoryBytes -= entry.length;
      } else {
        this.storedBytes -= entry.length;
        this.release(entry.at.segment);
      }
    }
    if (this.head > 1_024 && this.head * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
  }

  /** Closes the files and leaves them on disk. */
  close(): void {
    const open = new Set(this.entries.slice(this.head).flatMap(({ at }) => ("memory" in at ? [] : [at.segment])));
    if (this.current !== null) {
      open.add(this.current);
    }
    for (const segment of open) {
      closeSync(segment.file);
    }
    this.entries = [];
    this.head = 0;
    this.current = null;
  }

  /** Closes and deletes everything. */
  remove(): void {
    this.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private add(frame: LogFrame, taken: StreamTotals, at: Entry["at"], length: number): void {
    this.lastSeq = frame.header.seq;
    this.lastOffset = frame.header.offset + frame.payload.length;
    this.declaredGaps += frame.header.gap === undefined ? 0 : 1;
    this.totals = taken;
    this.entries.push({ seq: frame.header.seq, at, length });
    if ("memory" in at) {
      this.memoryBytes += length;
    } else {
      at.segment.bytes = at.position + length;
      at.segment.frames += 1;
      this.storedBytes += length;
    }
  }

  /** One frame of the segment is no longer needed; the last one takes the file with it, unless it is the newest. */
  private release(segment: Segment): void {
    segment.frames -= 1;
    if (segment.frames === 0 && segment !== this.current) {
      this.discard(segment);
    }
  }

  private load(folder: string, name: string): void {
    const path = join(folder, name);
    const [seq = 0, offset = 0, stdout = 0, stderr = 0, gaps = 0] = name.replace(".seg", "").split("-").map(Number);
    if (this.lastSeq === -1) {
      this.lastSeq = seq - 1;
      this.lastOffset = offset;
      this.totals = { stdout, stderr };
      this.declaredGaps = gaps;
    } else if (seq !== this.lastSeq + 1) {
      // What lay between was torn: everything after it is taken again from where the whole frames end.
      this.torn += statSync(path).size;
      rmSync(path, { force: true });
      return;
    }
    const bytes = readFileSync(path);
    const segment: Segment = { path, file: openSync(path, "r+", 0o600), bytes: 0, frames: 0 };
    let at = 0;
    for (;;) {
      const record = readRecord(bytes, at);
      const decoded = record === null ? null : decodeLogFrame(record.frame);
      if (record === null || decoded?.ok !== true || !this.follows(decoded.frame)) {
        break;
      }
      const taken = record.taken ?? this.takenWith(decoded.frame);
      this.add(decoded.frame, taken, { segment, position: record.position }, record.frame.length);
      at = record.position + record.frame.length;
    }
    this.torn += bytes.length - at;
    truncateSync(path, at);
    if (this.current?.frames === 0) {
      this.discard(this.current);
    }
    this.current = segment;
  }

  private follows({ header }: LogFrame): boolean {
    return header.seq === this.lastSeq + 1 && header.offset === this.lastOffset;
  }

  /** Older versions replaced nothing. */
  private takenWith({ header: { stream }, payload }: LogFrame): StreamTotals {
    return stream === "system" ? this.totals : { ...this.totals, [stream]: this.totals[stream] + payload.length };
  }

  private discard(segment: Segment): void {
    closeSync(segment.file);
    rmSync(segment.path, { force: true });
  }
}

interface Record {
  readonly frame: Buffer;
  /** Of the frame, in the file. */
  readonly position: number;
  /** Null where an older version wrote it. */
  readonly taken: StreamTotals | null;
}

/** The record at this place of a segment; null when it is not whole. */
function readRecord(bytes: Buffer, at: number): Record | null {
  if (at + 4 > bytes.length) {
    return null;
  }
  const word = bytes.readUInt32BE(at);
  const checked = (word & WITH_CHECKSUM) !== 0;
  const hasTaken = checked && (word & WITH_TAKEN) !== 0;
  const content = at + (checked ? 8 : 4);
  const position = content + (hasTaken ? TAKEN_BYTES : 0);
  const end = position + (checked ? word & ~(WITH_CHECKSUM | WITH_TAKEN) : word);
  if (position > bytes.length || end > bytes.length) {
    return null;
  }
  if (checked && crc32(bytes.subarray(content, end)) !== bytes.readUInt32BE(at + 4)) {
    return null;
  }
  const taken = hasTaken ? { stdout: bytes.readDoubleBE(content), stderr: bytes.readDoubleBE(content + 8) } : null;
  return { frame: bytes.subarray(position, end), position, taken };
}

function segmentName(seq: number, offset: number, { stdout, stderr }: StreamTotals, gaps: number): string {
  return `${[String(seq).padStart(10, "0"), offset, stdout, stderr, gaps].join("-")}.seg`;
}

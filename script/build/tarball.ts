/**
 * Writes npm-installable tarballs (POSIX ustar, gzip) with the same bytes for the same content:
 * fixed times and owners, files in the order of their names.
 */
import { gzipSync } from "node:zlib";

const BLOCK_BYTES = 512;
/** npm's own fixed time for packed files: 26 October 1985. */
const MODIFIED_AT_S = 499_162_500;

export interface TarballFile {
  /** Path inside the archive, at most 100 bytes, with `/` between folders. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly executable?: boolean;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}

function header(file: TarballFile): Buffer {
  if (Buffer.byteLength(file.path) > 100) {
    throw new Error(`${file.path} is longer than the 100 bytes that a tar header holds`);
  }
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(file.path, 0);
  block.write(octal(file.executable === true ? 0o755 : 0o644, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(file.content.byteLength, 12), 124);
  block.write(octal(MODIFIED_AT_S, 12), 136);
  block.write("        ", 148);
  block.write("0", 156);
  block.write("ustar\u000000", 257);
  let sum = 0;
  for (const byte of block) {
    sum += byte;
  }
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** Packs the files into one gzip-compressed tar archive. */
export function packTarball(files: readonly TarballFile[]): Buffer {
  const blocks: Uint8Array[] = [];
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const padding = (BLOCK_BYTES - (file.content.byteLength % BLOCK_BYTES)) % BLOCK_BYTES;
    blocks.push(header(file), file.content, Buffer.alloc(padding));
  }
  blocks.push(Buffer.alloc(2 * BLOCK_BYTES));
  return gzipSync(Buffer.concat(blocks), { level: 9 });
}

/**
 * A log file that never grows past its size: when it is full it becomes `<path>.1`, that one `<path>.2`, and so on; the
 * oldest goes. Lines are written at once and whole, so that nothing is lost with the process.
 */
import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from "node:fs";

export interface RotatingFileOptions {
  readonly path: string;
  /** Bytes after which the next line begins a new file. */
  readonly maxBytes: number;
  /** Files in all, the current one included; at least 1. */
  readonly files: number;
}

export class RotatingFile {
  private readonly options: RotatingFileOptions;
  private file: number;
  private bytes: number;

  /** Goes on where the file ends. Throws what the file system says. */
  constructor(options: RotatingFileOptions) {
    this.options = options;
    this.file = openSync(options.path, "a", 0o600);
    this.bytes = fstatSync(this.file).size;
  }

  /** Never throws: a log that cannot be written must not stop the program. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    try {
      if (this.bytes > 0 && this.bytes + bytes.length > this.options.maxBytes) {
        this.rotate();
      }
      writeSync(this.file, bytes);
      this.bytes += bytes.length;
    } catch {
      // The disk is full, or the folder is gone; the next line tries again.
    }
  }

  close(): void {
    closeSync(this.file);
  }

  private rotate(): void {
    const { path, files } = this.options;
    closeSync(this.file);
    try {
      rmSync(`${path}.${files - 1}`, { force: true });
      for (let number = files - 2; number >= 1; number -= 1) {
        moveIfThere(`${path}.${number}`, `${path}.${number + 1}`);
      }
      if (files > 1) {
        moveIfThere(path, `${path}.1`);
      } else {
        rmSync(path, { force: true });
      }
    } finally {
      this.file = openSync(path, "a", 0o600);
      this.bytes = fstatSync(this.file).size;
    }
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw error;
    }
  }
}

/** Follows a file that a job appends its output to. */
import { closeSync, openSync, readSync } from "node:fs";

const READ_BYTES = 65_536;

export class OutputFile {
  private readonly file: number;
  private position: number;
  private readonly take: (bytes: Uint8Array) => void;

  /** Goes on behind `position`. */
  constructor(path: string, position: number, take: (bytes: Uint8Array) => void) {
    this.file = openSync(path, "r");
    this.position = position;
    this.take = take;
  }

  /** Hands over everything that is there. */
  read(): void {
    for (;;) {
      const bytes = Buffer.allocUnsafe(READ_BYTES);
      const count = readSync(this.file, bytes, 0, READ_BYTES, this.position);
      if (count === 0) {
        return;
      }
      this.position += count;
      this.take(bytes.subarray(0, count));
    }
  }

  close(): void {
    closeSync(this.file);
  }
}

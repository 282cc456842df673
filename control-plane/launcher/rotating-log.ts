import { appendFileSync, existsSync, renameSync, statSync } from "node:fs";

const MAX_BYTES = 10_485_760;
const KEEP = 3;

/** Appends lines to a file of at most 10 MiB and keeps the three before it as `.1` to `.3`. */
export function rotatingLog(path: string): (line: string) => void {
  let size = existsSync(path) ? statSync(path).size : 0;
  return (line) => {
    if (size > MAX_BYTES) {
      for (let index = KEEP - 1; index >= 0; index -= 1) {
        const from = index === 0 ? path : `${path}.${index}`;
        if (existsSync(from)) {
          renameSync(from, `${path}.${index + 1}`);
        }
      }
      size = 0;
    }
    const text = `${line}\n`;
    appendFileSync(path, text, { mode: 0o600 });
    size += Buffer.byteLength(text);
  };
}

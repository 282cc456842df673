/** Holds all connections of one job together to a rate: what is ahead of it waits. */
import { Transform } from "node:stream";

export interface Rate {
  /** A part of a connection that lets bytes through at the rate. */
  part(count: (bytes: number) => void): Transform;
}

/** `kbps`: kbit/s, null for no limit. */
export function makeRate(kbps: number | null): Rate {
  const bytesPerMs = kbps === null ? Number.POSITIVE_INFINITY : kbps / 8;
  let freeAt = 0;
  return {
    part: (count) => {
      let timer: NodeJS.Timeout | undefined;
      return new Transform({
        transform(chunk: Buffer, _encoding, done) {
          count(chunk.length);
          const now = performance.now();
          freeAt = Math.max(now, freeAt) + chunk.length / bytesPerMs;
          const waitMs = freeAt - now;
          if (waitMs < 1) {
            done(null, chunk);
          } else {
            timer = setTimeout(() => done(null, chunk), waitMs);
          }
        },
        destroy(error, done) {
          clearTimeout(timer);
          done(error);
        },
      });
    },
  };
}

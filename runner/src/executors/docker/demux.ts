/**
 * Takes Docker's multiplexed output apart: `u8 stream (1 stdout, 2 stderr) · 3 zero bytes · u32 length · bytes`.
 * Chunks from the socket may end anywhere, also inside a header. Payloads are handed on as views without waiting for
 * the whole frame, so that memory does not grow with what a job prints at once.
 */
const HEADER_BYTES = 8;

export type DemuxSink = (stream: "stdout" | "stderr", bytes: Uint8Array) => void;

export function makeDemux(sink: DemuxSink): (chunk: Uint8Array) => void {
  const header = Buffer.alloc(HEADER_BYTES);
  let headerFilled = 0;
  let left = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const take = Math.min(HEADER_BYTES - headerFilled, chunk.length - at);
        header.set(chunk.subarray(at, at + take), headerFilled);
        headerFilled += take;
        at += take;
        if (headerFilled === HEADER_BYTES) {
          left = header.readUInt32BE(4);
          headerFilled = 0;
        }
        continue;
      }
      const take = Math.min(left, chunk.length - at);
      sink(header[0] === 2 ? "stderr" : "stdout", chunk.subarray(at, at + take));
      left -= take;
      at += take;
    }
  };
}

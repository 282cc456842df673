import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { decodeLogFrame, encodeLogFrame, type LogFrame } from "@cronium/protocol";
import { Spool } from "./spool.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-spool-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function frame(seq: number, offset: number, payload: Uint8Array): LogFrame {
  return { header: { attempt: 1, seq, offset, stream: "stdout", at: 0, sha256: "0".repeat(64) }, payload };
}

function fill(spool: Spool, count: number, size = 10): void {
  const first = spool.next;
  for (let i = 0; i < count; i += 1) {
    const { stdout, stderr } = spool.taken;
    spool.append(frame(first.seq + i, first.offset + i * size, Buffer.alloc(size, first.seq + i)), {
      stdout: stdout + size,
      stderr,
    });
  }
}

function payloadOf(spool: Spool, seq: number): number[] | null {
  const bytes = spool.read(seq);
  const decoded = bytes === null ? null : decodeLogFrame(bytes);
  return decoded?.ok === true ? [...decoded.frame.payload] : null;
}

describe("a spool", () => {
  test("gives back what was written until it is acknowledged", ({ expect }) => {
    const spool = Spool.open(folder);
    fill(spool, 5, 2);

    spool.acknowledge(3);

    expect(payloadOf(spool, 2)).toBeNull();
    expect(payloadOf(spool, 3)).toEqual([3, 3]);
    expect(payloadOf(spool, 4)).toEqual([4, 4]);
    expect(payloadOf(spool, 5)).toBeNull();
    expect(spool.unacknowledged).toBe(2);
    spool.remove();
  });

  test("is found again by the next process, with the next number and offset", ({ expect }) => {
    const before = Spool.open(folder);
    fill(before, 4, 3);
    before.close();

    const after = Spool.open(folder);

    expect(after.next).toEqual({ seq: 4, offset: 12 });
    expect(payloadOf(after, 1)).toEqual([1, 1, 1]);
    after.remove();
  });

  test("F1 knows how much of each stream was taken, although all of it was acknowledged", ({ expect }) => {
    const before = Spool.open(folder);
    fill(before, 200, 60_000);
    // Seven bytes that stand for forty of the job's.
    const last7 = frame(200, 12_000_000, Buffer.alloc(7));
    before.append({ ...last7, header: { ...last7.header, stream: "stderr" } }, { stdout: 12_000_000, stderr: 40 });
    before.acknowledge(201);
    before.close();

    const after = Spool.open(folder);

    expect(after.taken).toEqual({ stdout: 12_000_000, stderr: 40 });
    expect(after.next).toEqual({ seq: 201, offset: 12_000_007 });
    expect(after.unacknowledged).toBeGreaterThan(0);
    const gap = {
      ...frame(201, 12_000_007, new Uint8Array(0)).header,
      gap: { bytes: 3, reason: "runner_lost" },
    } as const;
    after.append({ header: { ...gap, stream: "system" }, payload: new Uint8Array(0) }, after.taken);
    fill(after, 100, 60_000);
    after.acknowledge(302);
    after.close();
    const last = Spool.open(folder);
    expect(last.taken).toEqual({ stdout: 18_000_000, stderr: 40 });
    expect(last.gaps).toBe(1);
    last.remove();
  });

  test("F39 drops a torn last record and goes on before it", ({ expect }) => {
    const before = Spool.open(folder);
    fill(before, 3);
    before.close();
    const file = join(folder, readdirSync(folder)[0] ?? "");
    truncateSync(file, readFileSync(file).length - 4);

    const after = Spool.open(folder);

    expect(after.next).toEqual({ seq: 2, offset: 20 });
    fill(after, 1);
    expect(payloadOf(after, 2)).toHaveLength(10);
    after.remove();
  });

  /** What a process finds whose predecessor left `bytes` on disk. */
  function reopened(name: string, bytes: Uint8Array): { payloads: (number[] | null)[]; torn: number } {
    const copy = mkdtempSync(join(folder, "copy-"));
    writeFileSync(join(copy, name), bytes);
    const spool = Spool.open(copy);
    const payloads = Array.from({ length: spool.next.seq }, (_value, seq) => payloadOf(spool, seq));
    // Whatever was torn, the next frame finds its place.
    fill(spool, 1, 2);
    const next = payloadOf(spool, payloads.length);
    const torn = spool.tornBytes;
    spool.remove();
    return { payloads: next?.length === 2 ? payloads : [], torn };
  }

  test("F39 cut at any byte by a power cut, gives back the whole frames before it and says that bytes are gone", ({
    expect,
  }) => {
    const before = Spool.open(folder);
    fill(before, 3, 4);
    before.close();
    const [name = ""] = readdirSync(folder);
    const whole = readFileSync(join(folder, name));
    const sizes = new Set<number>();
    for (let length = 0; length < whole.length; length += 1) {
      const { payloads, torn } = reopened(name, whole.subarray(0, length));
      expect(payloads).toEqual([0, 1, 2].slice(0, payloads.length).map((seq) => [seq, seq, seq, seq]));
      expect(torn).toBeLessThan(whole.length / 2);
      sizes.add(payloads.length);
    }
    expect([...sizes]).toEqual([0, 1, 2]);
    expect(reopened(name, whole)).toMatchObject({ payloads: { length: 3 }, torn: 0 });
  });

  test("F39 with any byte of it changed, gives back no byte that was not written", ({ expect }) => {
    const before = Spool.open(folder);
    fill(before, 3, 4);
    before.close();
    const [name = ""] = readdirSync(folder);
    const whole = readFileSync(join(folder, name));
    for (let at = 0; at < whole.length; at += 1) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x11;
      const { payloads, torn } = reopened(name, bytes);
      expect(payloads, `byte ${at}`).toEqual([0, 1, 2].slice(0, payloads.length).map((seq) => [seq, seq, seq, seq]));
      expect(payloads.length, `byte ${at}`).toBeLessThan(3);
      expect(torn, `byte ${at}`).toBeGreaterThan(0);
    }
  });

  test("F39 reads what a version without checksums has written", ({ expect }) => {
    const records = [0, 1].map((seq) => {
      const bytes = encodeLogFrame(frame(seq, seq * 2, Buffer.alloc(2, seq)));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    });
    const name = "0000000000-0-0-0-0.seg";

    expect(reopened(name, Buffer.concat(records))).toEqual({
      payloads: [
        [0, 0],
        [1, 1],
      ],
      torn: 0,
    });
  });

  test("deletes segments that are acknowledged, and itself in the end", ({ expect }) => {
    const spool = Spool.open(folder);
    fill(spool, 200, 60_000);
    expect(readdirSync(folder).length).toBeGreaterThan(2);

    spool.acknowledge(200);
    expect(readdirSync(folder).length).toBeLessThanOrEqual(1);
    spool.remove();

    expect(() => readdirSync(folder)).toThrow("ENOENT");
  });

  test("says when it is full, and has room again after an acknowledgement", ({ expect }) => {
    const spool = Spool.open(folder, 50_000);
    fill(spool, 4, 10_000);

    expect(spool.refusal(10_000)).toBe("spool_full");
    spool.acknowledge(2);
    expect(spool.refusal(10_000)).toBeNull();
    spool.remove();
  });

  test("F22 keeps frames in memory while the disk takes none, and refuses more than 1 MiB of them", ({ expect }) => {
    const spool = Spool.open(folder);
    rmSync(folder, { recursive: true });
    fill(spool, 1, 50_000);

    expect(spool.refusal(50_000)).toBeNull();
    expect(payloadOf(spool, 0)).toHaveLength(50_000);
    fill(spool, 20, 50_000);
    expect(spool.refusal(50_000)).toBe("disk_full");
    spool.acknowledge(21);
    expect(spool.refusal(50_000)).toBeNull();
    spool.close();
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { decodeLogFrame, type LogFrame } from "@cronium/protocol";
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
    spool.append(frame(first.seq + i, first.offset + i * size, Buffer.alloc(size, first.seq + i)));
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
    before.append({
      ...frame(200, 12_000_000, Buffer.alloc(7)),
      header: { ...frame(200, 12_000_000, Buffer.alloc(7)).header, stream: "stderr" },
    });
    before.acknowledge(201);
    before.close();

    const after = Spool.open(folder);

    expect(after.taken).toEqual({ stdout: 12_000_000, stderr: 7 });
    expect(after.next).toEqual({ seq: 201, offset: 12_000_007 });
    expect(after.unacknowledged).toBeGreaterThan(0);
    const gap = {
      ...frame(201, 12_000_007, new Uint8Array(0)).header,
      gap: { bytes: 3, reason: "runner_lost" },
    } as const;
    after.append({ header: { ...gap, stream: "system" }, payload: new Uint8Array(0) });
    fill(after, 100, 60_000);
    after.acknowledge(302);
    after.close();
    const last = Spool.open(folder);
    expect(last.taken).toEqual({ stdout: 18_000_000, stderr: 7 });
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

    expect(spool.fits(10_000)).toBe(false);
    spool.acknowledge(2);
    expect(spool.fits(10_000)).toBe(true);
    spool.remove();
  });

  test("F22 keeps frames in memory while the disk takes none, and refuses more than 1 MiB of them", ({ expect }) => {
    const spool = Spool.open(folder);
    rmSync(folder, { recursive: true });
    fill(spool, 1, 50_000);

    expect(spool.diskWorks).toBe(false);
    expect(payloadOf(spool, 0)).toHaveLength(50_000);
    fill(spool, 20, 50_000);
    expect(spool.fits(50_000)).toBe(false);
    spool.acknowledge(21);
    expect(spool.fits(50_000)).toBe(true);
    spool.close();
  });
});

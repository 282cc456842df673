import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import { kinds, Tunnel } from "./tunnel.ts";

let folder: string;
let server: Server;
let accepted: Socket[];
let received: Buffer;
let answers: boolean;
let sent: Buffer;
let queued: number;
let broken: string[];
let ready: number;
let tunnel: Tunnel;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-tunnel-"));
  [accepted, received, answers, sent, queued, broken, ready] = [[], Buffer.alloc(0), true, Buffer.alloc(0), 0, [], 0];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    if (!answers) {
      socket.pause();
      return;
    }
    socket.on("data", (chunk) => (received = Buffer.concat([received, chunk])));
    socket.on("end", () => socket.end("bye"));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(join(folder, "api.sock"), resolve));
  tunnel = new Tunnel({
    write: (bytes) => (sent = Buffer.concat([sent, bytes])),
    queued: () => queued,
    target: (door) => (door > 1 ? null : join(folder, door === 0 ? "api.sock" : "absent.sock")),
    ready: () => (ready += 1),
    broken: (why) => broken.push(why),
  });
});
afterEach(async () => {
  tunnel.close();
  for (const socket of accepted) {
    socket.destroy();
  }
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

function frame(id: number, kind: number, bytes: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt32BE(id, 0);
  header[4] = kind;
  header.writeUInt32BE(bytes.length, 5);
  return Buffer.concat([header, bytes]);
}

/** What was sent, as `connection kind text`. */
function frames(): string[] {
  const list: string[] = [];
  for (let at = 0; at < sent.length;) {
    const length = sent.readUInt32BE(at + 5);
    const bytes = sent.subarray(at + 9, at + 9 + length);
    const text = sent[at + 4] === kinds.credit ? bytes.readUInt32BE(0) : bytes.toString();
    list.push(`${sent.readUInt32BE(at)} ${sent[at + 4]} ${text}`.trim());
    at += 9 + length;
  }
  return list;
}

const open = (id: number, door = 0): Buffer => frame(id, kinds.open, Buffer.from([door]));
const data = (id: number, text: string | Buffer): Buffer => frame(id, kinds.data, Buffer.from(text));

describe("a tunnel", () => {
  test("carries a connection both ways, wherever its stream is cut", async ({ expect }) => {
    const stream = Buffer.concat([
      frame(0, kinds.alive),
      open(1),
      data(1, "hello "),
      data(1, "there"),
      frame(1, kinds.end),
    ]);
    for (const byte of stream) {
      tunnel.take(Buffer.from([byte]));
    }

    await vi.waitFor(() => expect(frames()).toContain("1 3"), 90_000);
    expect(received.toString()).toBe("hello there");
    expect(frames()).toEqual(["1 5 6", "1 5 5", "1 2 bye", "1 3"]);
    expect({ ready, broken }).toEqual({ ready: 1, broken: [] });
  });

  test("resets what nobody answers, and what knocks at no door", async ({ expect }) => {
    tunnel.take(Buffer.concat([open(1, 1), open(2, 7)]));

    await vi.waitFor(() => expect(frames().toSorted()).toEqual(["1 4", "2 4"]), 90_000);
    tunnel.take(Buffer.concat([data(1, "late"), frame(2, kinds.end), data(9, "never opened")]));
    expect(broken).toEqual([]);
  });

  test("stops reading for one who does not read, and goes on when it does", async ({ expect }) => {
    tunnel.take(Buffer.concat([open(1), data(1, "x")]));
    await vi.waitFor(() => expect(received.toString()).toBe("x"), 90_000);
    const big = Buffer.alloc(1_000_000, "y");
    accepted[0]?.end(big);
    const bytes = (): number =>
      frames()
        .filter((line) => line.startsWith("1 2"))
        .join("").length;
    await vi.waitFor(() => expect(bytes()).toBeGreaterThanOrEqual(65_536), 90_000);
    expect(frames()).not.toContain("1 3");
    expect(bytes()).toBeLessThan(200_000);
    const leave = Buffer.alloc(4);
    leave.writeUInt32BE(1_000_000);
    tunnel.take(frame(1, kinds.credit, leave));

    await vi.waitFor(() => expect(frames().at(-1)).toBe("1 3"), 90_000);
  });

  test.for([
    ["a frame that is too large", frame(1, kinds.data).fill(0xff, 5), "a frame of 4294967295 bytes"],
    ["a connection twice", Buffer.concat([open(1), open(1)]), "connection 1 twice"],
    ["an unknown kind", Buffer.concat([open(1), frame(1, 77)]), "a frame of kind 77"],
    ["leave without a number", Buffer.concat([open(1), frame(1, kinds.credit)]), "a frame of kind 5"],
  ] as const)("T5: ends at %s, and says why", ([, bytes, why], { expect }) => {
    tunnel.take(bytes);
    tunnel.take(open(2));

    expect(broken).toEqual([why]);
    expect(sent).toHaveLength(0);
  });

  test("T5: holds no more than it gave leave for, and answers nobody who does not listen", async ({ expect }) => {
    answers = false;
    tunnel.take(open(1));
    for (let i = 0; i < 100 && broken.length === 0; i += 1) {
      tunnel.take(data(1, Buffer.alloc(60_000)));
    }
    expect(broken).toEqual([expect.stringMatching(/^\d{6} bytes without leave to send them$/)]);

    broken = [];
    queued = 2 ** 30;
    const other = new Tunnel({
      write: () => {},
      queued: () => queued,
      target: () => null,
      ready: () => {},
      broken: (why) => broken.push(why),
    });
    other.take(open(1));
    expect(broken).toEqual(["it does not read what it asked for"]);
  });
});

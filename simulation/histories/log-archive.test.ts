/** The archive on a store that loses or changes bytes: then the room must keep what it has. */
import { scheduler } from "node:timers/promises";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import type { BlobStore } from "../../control-plane/src/domain/ports.ts";
import { framesOf } from "../../control-plane/src/objects/log-room/archive.ts";
import { readTable } from "../../control-plane/src/objects/log-room/archive-format.ts";
import { LogRoomHost } from "./log-room.ts";
import { readLogHistory, say } from "./log-story.ts";

// The name is the platform's own.
beforeEach(() => void vi.stubGlobal("scheduler", scheduler));
afterEach(() => void vi.unstubAllGlobals());

function roomWithLog(): LogRoomHost {
  const room = new LogRoomHost();
  for (const step of readLogHistory().steps) {
    say(room, step);
  }
  return room;
}

/** Keeps one blob, as `change` makes it. */
function storeThat(change: (bytes: Buffer) => Buffer): BlobStore {
  let kept: Buffer | null = null;
  return {
    put: async (_key, body) => {
      const bytes = body instanceof Uint8Array ? body : await new Response(body.stream).arrayBuffer();
      kept = change(Buffer.from(bytes as ArrayBuffer));
    },
    get: async (_key, part) => {
      if (kept === null) {
        return null;
      }
      const from = part === undefined ? 0 : "last" in part ? Math.max(0, kept.length - part.last) : part.from;
      const to = part === undefined || "last" in part ? kept.length : part.from + part.bytes;
      const bytes = new Uint8Array(kept.subarray(from, to));
      return { stream: new Blob([bytes]).stream(), sizeBytes: kept.length };
    },
    delete: async () => {
      kept = null;
    },
  };
}

describe("an archive is verified before anything is dropped", () => {
  test("and holds every frame", async ({ expect }) => {
    const room = roomWithLog();
    const blobs = storeThat((bytes) => bytes);
    expect(await room.archive(blobs)).toBeGreaterThan(100);

    const frames: string[] = [];
    for await (const { bytes } of framesOf(blobs, "", (await readTable(blobs, "")) ?? [])) {
      frames.push(Buffer.from(bytes).toString("base64"));
    }
    expect(frames).toEqual(room.kept().map((bytes) => Buffer.from(bytes).toString("base64")));
  });

  test("any changed byte, and a lost end, are found", async ({ expect }) => {
    const room = roomWithLog();
    const size = await room.archive(storeThat((bytes) => bytes));
    for (let at = 0; at < size; at += 1) {
      const change = (bytes: Buffer): Buffer => {
        bytes[at] = (bytes[at] ?? 0) ^ 0x10;
        return bytes;
      };
      await expect(room.archive(storeThat(change)), `byte ${at}`).rejects.toThrow("archived log");
    }
    await expect(room.archive(storeThat((bytes) => bytes.subarray(0, -1)))).rejects.toThrow("bytes, written were");
    expect(room.kept().length).toBeGreaterThan(3);
  });
});

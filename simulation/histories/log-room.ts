/** The room of one run's log on the simulation's storage: the very code that the object runs, without its sockets. */
import { createHash } from "node:crypto";
import { encodeLogFrame, type LogHeader, type LogServerMessage } from "@cronium/protocol";
import type { Deps } from "../../control-plane/src/deps.ts";
import type { BlobStore } from "../../control-plane/src/domain/ports.ts";
import { writeArchive } from "../../control-plane/src/objects/log-room/archive.ts";
import { readFrames, readLastRow, sumStored } from "../../control-plane/src/objects/log-room/frames.ts";
import type { Peer, Room } from "../../control-plane/src/objects/log-room/room.ts";
import { openTables } from "../../control-plane/src/objects/log-room/schema.ts";
import { onWriterBatch, onWriterFrame, onWriterText } from "../../control-plane/src/objects/log-room/writers.ts";
import { WORKSPACE } from "../object-host.ts";
import { SimStorage } from "../storage.ts";

export type Answer = LogServerMessage | { readonly type: "close"; readonly code: number };

export class LogRoomHost {
  private readonly storage = new SimStorage();
  private room: Room = this.open();

  /** The instance leaves memory; what is stored stays. */
  evict(): void {
    this.room = this.open();
  }

  /** What a writer that connects for this attempt is told first. */
  connect(attempt: number): Answer[] {
    return this.batch(attempt, [], null);
  }

  frame(attempt: number, bytes: Uint8Array<ArrayBuffer>): Answer[] {
    const answers: Answer[] = [];
    onWriterFrame(this.room, peerOf(attempt, answers), bytes.slice().buffer);
    return answers;
  }

  text(attempt: number, text: string): Answer[] {
    const answers: Answer[] = [];
    onWriterText(this.room, peerOf(attempt, answers), text);
    return answers;
  }

  /** The same over plain requests. */
  batch(attempt: number, frames: readonly string[], end: string | null): Answer[] {
    const batch = { frames: [...frames], end: end === null ? null : JSON.parse(end) };
    const { answer } = onWriterBatch(this.room, attempt, batch);
    return [
      ...answer.messages,
      ...(answer.close === null ? [] : [{ type: "close" as const, code: answer.close.code }]),
    ];
  }

  /** Moves what is kept into the archive; the size of that. Its own rows stay. */
  archive(blobs: BlobStore): Promise<number> {
    return writeArchive({ ...this.room, deps: { blobs } as Deps }, readLastRow(this.room.sql));
  }

  /** Every frame that is kept, as the runner sent it. */
  kept(): Uint8Array[] {
    if (!this.room.stored) {
      return [];
    }
    return readFrames(this.room.sql, 0, Number.POSITIVE_INFINITY).map(({ bytes }) => new Uint8Array(bytes));
  }

  private open(): Room {
    const ctx = { storage: this.storage, getWebSockets: () => [] } as unknown as DurableObjectState;
    const { sql } = ctx.storage;
    const stored = openTables(ctx.storage);
    return {
      ctx,
      sql,
      deps: {} as Deps,
      workspaceId: WORKSPACE,
      runId: "run_01simulation00000000000000",
      stored,
      newest: undefined,
      digest: null,
      closed: false,
      archived: false,
      storedBytes: stored ? sumStored(sql) : 0,
      baseBlocks: [],
      reopenedAt: 0,
      toldRev: 0,
      archiving: false,
      forgetting: null,
      readers: 0,
      alarmAt: null,
    };
  }
}

function peerOf(attempt: number, answers: Answer[]): Peer {
  return {
    deserializeAttachment: () => ({ kind: "writer", attempt }),
    send: (text) => answers.push(JSON.parse(text as string) as LogServerMessage),
    close: (code = 1000) => answers.push({ type: "close", code }),
  };
}

/** A frame as a runner makes it. */
export function frameOf(
  header: Omit<LogHeader, "sha256" | "at">,
  payload: Uint8Array,
  sha256 = createHash("sha256").update(payload).digest("hex"),
): Uint8Array<ArrayBuffer> {
  const { gap, ...place } = header;
  const whole = { ...place, at: 1_795_218_600_123, sha256, ...(gap === undefined ? {} : { gap }) };
  return encodeLogFrame({ header: whole, payload });
}

/**
 * One attempt's log from the job to its room: the runner's masker, chunker and spool, on a real folder, and the room's own
 * modules, with connections that break, frames and acknowledgements that get lost, runners that are killed and go on, and
 * rooms that leave memory. Checked are I9 (bytes that were acknowledged are kept, none twice, none changed) again and
 * again, and in the end that what is kept is the whole output without its secrets (I21).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeLogFrame, LogServerMessage } from "@cronium/protocol";
import type { Clock } from "../runner/src/base/clock.ts";
import { LogChunker } from "../runner/src/base/log-chunks.ts";
import { Concealed } from "../runner/src/base/masking/concealed.ts";
import { Masker } from "../runner/src/base/masking/masker.ts";
import { needlesOf } from "../runner/src/base/masking/needles.ts";
import { Spool } from "../runner/src/base/spool.ts";
import { LogRoomHost } from "./histories/log-room.ts";
import { Rng } from "./rng.ts";

const ATTEMPT = 1;
const ALPHABETS = ["ab", "abcdefghij \n", "x\"'$&<>% \u001b[m", "äé🔑\n"];

export interface LogViolation {
  readonly id: "I9" | "I21";
  readonly message: string;
}

/** Null when all held. */
export function simulateLog(seed: number): LogViolation | null {
  const folder = mkdtempSync(join(tmpdir(), "cronium-log-world-"));
  const world = new LogWorld(new Rng(seed).fork(0x106), folder);
  try {
    return world.live();
  } finally {
    world.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Its timers fire when the world says so. */
class StoppedClock implements Clock {
  private timers = new Set<() => void>();

  now(): number {
    return 1_700_000_000_000;
  }

  monotonic(): number {
    return 0;
  }

  after(_ms: number, run: () => void): () => void {
    this.timers.add(run);
    return () => void this.timers.delete(run);
  }

  every(): () => void {
    return () => {};
  }

  fire(): void {
    const due = [...this.timers];
    this.timers.clear();
    for (const run of due) {
      run();
    }
  }
}

/** What dies with the runner's process. */
interface Life {
  readonly spool: Spool;
  readonly chunker: LogChunker;
  readonly masker: Masker;
  readonly clock: StoppedClock;
  /** Bytes of the output that it was given. */
  read: number;
  /** Number of the frame to send next; null without a connection. */
  next: number | null;
}

class LogWorld {
  private readonly rng: Rng;
  private readonly folder: string;
  private readonly room = new LogRoomHost();
  private readonly secrets: Record<string, string>;
  private readonly output: Buffer;
  private life: Life;
  private acknowledged = 0;
  private kept: Uint8Array[] = [];

  constructor(rng: Rng, folder: string) {
    this.rng = rng;
    this.folder = folder;
    const text = (longest: number): string => {
      const alphabet = Array.from(rng.pick(ALPHABETS));
      return Array.from({ length: rng.int(4, longest) }, () => rng.pick(alphabet)).join("");
    };
    const values = Array.from({ length: rng.int(1, 3) }, () => text(20));
    this.secrets = Object.fromEntries(values.map((value, at) => [`S${at}`, value]));
    const needles = needlesOf(values);
    const parts = Array.from({ length: rng.int(3, 40) }, () =>
      needles.length > 0 && rng.chance(0.5) ? rng.pick(needles) : Buffer.from(text(rng.chance(0.02) ? 70_000 : 30)),
    );
    this.output = Buffer.concat(parts);
    this.life = this.begin();
  }

  live(): LogViolation | null {
    for (let step = 1; step <= 300; step += 1) {
      this.act();
      // Reading everything that is kept is what takes the time.
      const violation = step % 10 === 0 ? this.check() : null;
      if (violation !== null) {
        return violation;
      }
    }
    this.heal();
    return this.check() ?? this.judge();
  }

  end(): void {
    this.life.chunker.close();
    this.life.spool.close();
  }

  private act(): void {
    const { rng, life } = this;
    const what = rng.next();
    if (what < 0.4) {
      this.print(rng.int(1, rng.chance(0.1) ? 100_000 : 40));
    } else if (what < 0.8) {
      this.ship();
    } else if (what < 0.88) {
      life.clock.fire();
    } else if (what < 0.94) {
      this.connect();
    } else if (what < 0.97) {
      this.room.evict();
      life.next = null;
    } else {
      // Killed: what is in memory is gone, and the next process reads on where the spool says.
      life.chunker.close();
      life.spool.close();
      this.life = this.begin();
    }
  }

  private begin(): Life {
    const clock = new StoppedClock();
    const spool = Spool.open(this.folder);
    const chunker = new LogChunker({
      attempt: ATTEMPT,
      clock,
      resume: { ...spool.next, taken: spool.taken },
      emit: (frame, taken) => void spool.append(frame, taken),
    });
    const concealed = new Concealed();
    concealed.add(this.secrets, []);
    const masker = new Masker(concealed.news(), (pieces) => chunker.push("stdout", ...pieces));
    return { spool, chunker, masker, clock, read: spool.taken.stdout, next: null };
  }

  private print(bytes: number): void {
    const { life, output } = this;
    life.masker.push(Buffer.from(output.subarray(life.read, life.read + bytes)));
    life.read = Math.min(output.length, life.read + bytes);
  }

  private connect(): void {
    for (const answer of this.room.connect(ATTEMPT)) {
      const message = LogServerMessage.safeParse(answer);
      if (message.success && message.data.type === "resume") {
        this.life.next = message.data.seq;
        this.acknowledge(message.data.seq);
      }
    }
  }

  private ship(): void {
    const { life, rng } = this;
    if (life.next === null || life.next >= life.spool.next.seq) {
      return;
    }
    const bytes = life.spool.read(life.next);
    if (bytes === null || rng.chance(0.05)) {
      // Lost on the way, and the connection with it.
      life.next = null;
      return;
    }
    const copies = rng.chance(0.1) ? 2 : 1;
    life.next += 1;
    for (let copy = 0; copy < copies; copy += 1) {
      for (const answer of this.room.frame(ATTEMPT, Uint8Array.from(bytes))) {
        if (answer.type === "ack" && rng.chance(0.9)) {
          this.acknowledge(answer.seq);
        }
      }
    }
  }

  private acknowledge(seq: number): void {
    this.acknowledged = Math.max(this.acknowledged, seq);
    this.life.spool.acknowledge(seq);
    this.life.chunker.acknowledged();
  }

  private check(): LogViolation | null {
    const kept = this.room.kept();
    const changed = this.kept.findIndex((frame, at) => Buffer.compare(frame, kept[at] ?? new Uint8Array(0)) !== 0);
    if (changed !== -1) {
      return { id: "I9", message: `frame ${changed} was kept and is gone, or another now` };
    }
    if (kept.length < this.acknowledged) {
      return { id: "I9", message: `${this.acknowledged} frames are acknowledged, ${kept.length} are kept` };
    }
    this.kept = kept;
    return null;
  }

  /** All is well from now on: the job prints the rest and ends, everything travels. */
  private heal(): void {
    this.print(this.output.length);
    this.life.masker.flush();
    this.life.chunker.flush();
    for (let tries = 0; this.kept.length < this.life.spool.next.seq && tries < 10_000; tries += 1) {
      if (this.life.next === null) {
        this.connect();
      }
      this.ship();
      if (this.life.next === null || this.life.next >= this.life.spool.next.seq) {
        this.kept = this.room.kept();
      }
    }
  }

  private judge(): LogViolation | null {
    const payloads = this.room.kept().map((bytes) => {
      const decoded = decodeLogFrame(bytes);
      return decoded.ok ? decoded.frame.payload : new Uint8Array(0);
    });
    const stored = Buffer.concat(payloads);
    const leak = needlesOf(Object.values(this.secrets)).find((needle) => stored.includes(Buffer.from(needle)));
    if (leak !== undefined) {
      return { id: "I21", message: `${JSON.stringify(Buffer.from(leak).toString())} is in what is kept` };
    }
    const concealed = new Concealed();
    concealed.add(this.secrets, []);
    const whole: Uint8Array[] = [];
    const masker = new Masker(concealed.news(), (pieces) => whole.push(...pieces.map(({ bytes }) => bytes)));
    masker.push(this.output);
    masker.flush();
    const expected = Buffer.concat(whole);
    return stored.equals(expected)
      ? null
      : { id: "I9", message: `${stored.length} bytes are kept, and not the ${expected.length} that were printed` };
  }
}

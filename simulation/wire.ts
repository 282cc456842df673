/**
 * The network between one runner process and the Dispatcher: one WebSocket at a time, each direction with its own
 * troubles. By default a direction keeps its order and loses nothing, as TCP does. A hole holds everything back until it
 * ends or the socket breaks. Loss, repetition and disorder of single frames go beyond TCP on purpose: the contract says
 * that every frame may be lost, late or repeated.
 */
import type { Timeline } from "./timeline.ts";
import type { Rng } from "./rng.ts";

export interface Trouble {
  /** Share of frames that are lost. */
  loss: number;
  /** Share of frames that arrive twice. */
  repeat: number;
  /** Share of frames that overtake or fall behind others, by up to `lateMs`. */
  disorder: number;
  lateMs: number;
  /** Until when nothing arrives; 0 when it flows. */
  holeUntil: number;
}

export function noTrouble(): Trouble {
  return { loss: 0, repeat: 0, disorder: 0, lateMs: 0, holeUntil: 0 };
}

export interface Path {
  readonly up: Trouble;
  readonly down: Trouble;
}

/** One direction of one socket. */
export class Lane {
  private readonly timeline: Timeline;
  private readonly rng: Rng;
  private readonly trouble: Trouble;
  private readonly deliver: (text: string) => void;
  private lastAt = 0;
  private cut = false;

  constructor(timeline: Timeline, rng: Rng, trouble: Trouble, deliver: (text: string) => void) {
    this.timeline = timeline;
    this.rng = rng;
    this.trouble = trouble;
    this.deliver = deliver;
  }

  send(text: string): void {
    const { rng, trouble } = this;
    // Pings and pongs keep their order and number: they are counted, and TCP guarantees both.
    const beat = text === "ping" || text === "pong";
    if (rng.chance(trouble.loss)) {
      return;
    }
    this.plan(text, !beat && rng.chance(trouble.disorder));
    if (!beat && rng.chance(trouble.repeat)) {
      for (let copies = rng.int(1, 4); copies > 0; copies -= 1) {
        this.plan(text, true);
      }
    }
  }

  /** The socket is gone: what is on its way never arrives. */
  stop(): void {
    this.cut = true;
  }

  private plan(text: string, disorderly: boolean): void {
    const { timeline, rng, trouble } = this;
    let at = timeline.now + rng.int(1, 20);
    if (disorderly) {
      at += rng.int(0, trouble.lateMs);
    } else {
      at = Math.max(at, this.lastAt);
      this.lastAt = at;
    }
    this.arriveAt(at, text);
  }

  private arriveAt(at: number, text: string): void {
    const { timeline, trouble } = this;
    timeline.after(at - timeline.now, () => {
      if (this.cut) {
        return;
      }
      if (trouble.holeUntil > timeline.now) {
        this.arriveAt(trouble.holeUntil + 1, text);
      } else {
        this.deliver(text);
      }
    });
  }
}

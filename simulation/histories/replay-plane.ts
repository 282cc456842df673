/** Yesterday's runners against today's Dispatcher: what they said is said again, and what it answers is kept. */
import { base64url, connectMessage } from "@cronium/protocol";
import { act } from "../actions.ts";
import type { Plan } from "../plan.ts";
import { signatureOf } from "../platform.ts";
import { SimSocket } from "../sockets.ts";
import type { World } from "../world.ts";
import { type Entry, type Frame, type History, Names } from "./history.ts";
import { withWorld } from "./record.ts";
import { STORY_MS } from "./stories.ts";

/** The Dispatcher may take this much longer than it did before it counts as silent. */
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 20;
const CLOSE_MS = 30;

export interface Told {
  /** What the Dispatcher said on each connection, by `machine/link`. */
  readonly frames: ReadonlyMap<string, readonly Frame[]>;
  /** Codes of the connections that it closed. */
  readonly closes: ReadonlyMap<string, number>;
}

/** `protocol` is the wire version of the control plane, today's by default; `change` is done to each hello. */
export function tellPlane(
  history: History,
  plan: Plan,
  options: { readonly protocol?: number; readonly change?: (hello: Frame) => Frame } = {},
): Promise<Told> {
  const { protocol, change = (hello) => hello } = options;
  return withWorld(plan, { keepTrace: false, ...(protocol === undefined ? {} : { protocol }) }, async (world) => {
    const frames = new Map<string, Frame[]>();
    const closes = new Map<string, number>();
    const names = new Names(world);
    world.begin([]);
    for (const action of plan.actions) {
      if (action.kind === "trigger" || action.kind === "cancel") {
        world.timeline.after(action.at, () => act(world, action));
      }
    }
    for (const place of new Set(history.entries.map(placeOf))) {
      const spoken: Frame[] = [];
      frames.set(place, spoken);
      const entries = history.entries.filter((entry) => placeOf(entry) === place);
      new Speaker(world, names, entries, spoken, change, (code) => closes.set(place, code)).next();
    }
    await world.run(STORY_MS + PATIENCE_MS);
    if (world.violation !== null) {
      throw world.violation;
    }
    return { frames, closes };
  });
}

export function placeOf({ machine, link }: Entry): string {
  return `${machine}/${link}`;
}

/** Says what the runner said over one connection, each time when it has heard what the runner had heard. */
class Speaker {
  private heard = 0;
  private place = 0;
  private socket: SimSocket | null = null;
  private readonly world: World;
  private readonly names: Names;
  private readonly entries: readonly Entry[];
  private readonly spoken: Frame[];
  private readonly change: (hello: Frame) => Frame;
  private readonly closed: (code: number) => void;
  private nonce = "";

  constructor(
    world: World,
    names: Names,
    entries: readonly Entry[],
    spoken: Frame[],
    change: (hello: Frame) => Frame,
    closed: (code: number) => void,
  ) {
    this.world = world;
    this.names = names;
    this.entries = entries;
    this.spoken = spoken;
    this.change = change;
    this.closed = closed;
  }

  next(): void {
    const entry = this.entries[this.place];
    if (entry === undefined) {
      return;
    }
    this.place += 1;
    if (entry.who === "server") {
      this.heard += typeof entry.says === "string" ? 0 : 1;
      this.next();
      return;
    }
    const { timeline } = this.world;
    timeline.after(entry.at - timeline.now, () => this.sayOnceHeard(entry, timeline.now + PATIENCE_MS));
  }

  private sayOnceHeard(entry: Entry, until: number): void {
    const { timeline } = this.world;
    if (this.spoken.length < this.heard && timeline.now < until) {
      timeline.after(LOOK_EVERY_MS, () => this.sayOnceHeard(entry, until));
      return;
    }
    this.say(entry);
    this.next();
  }

  private say({ machine, says }: Entry): void {
    const { object, machines } = this.world;
    const runner = machines[machine];
    if (runner === undefined) {
      throw new Error(`There is no machine ${machine}.`);
    }
    if (says === "open") {
      this.socket = new SimSocket({ sent: (text) => this.hear(text), closed: (code) => this.hangUp(code) });
      object.accept(this.socket, { runnerId: runner.id, publicKey: runner.publicKey });
    } else if (this.socket !== null && this.socket.readyState === 1) {
      if (says === "close") {
        object.socketGone(this.socket, 1006);
      } else if (typeof says === "string") {
        object.receive(this.socket, says);
      } else {
        const frame = this.names.toIds(says);
        object.receive(this.socket, JSON.stringify(says.type === "hello" ? this.signed(runner, frame) : frame));
      }
    }
  }

  /** The nonce is another one each time, so a hello cannot be repeated as it was. */
  private signed(runner: World["machines"][number], hello: Frame): Frame {
    const key = Uint8Array.from(Buffer.from(runner.publicKey, "base64url"));
    const message = new TextEncoder().encode(connectMessage(this.nonce, runner.id, String(hello["epoch"])));
    return this.change({ ...hello, signature: base64url(new Uint8Array(signatureOf(key, message))) });
  }

  private hear(text: string): void {
    if (text === "pong") {
      return;
    }
    const frame = JSON.parse(text) as Frame;
    if (frame.type === "challenge") {
      this.nonce = String(frame["nonce"]);
    }
    this.spoken.push(this.names.toNames(frame));
  }

  private hangUp(code: number): void {
    const { socket } = this;
    this.closed(code);
    this.world.timeline.after(CLOSE_MS, () => {
      if (socket !== null) {
        this.world.object.socketGone(socket, code);
      }
    });
  }
}

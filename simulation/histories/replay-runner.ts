/** Yesterday's Dispatcher against today's runner: what it said is said again, and what the runner answers is kept. */
import { act } from "../actions.ts";
import { Machine } from "../machine.ts";
import type { ObjectHost } from "../object-host.ts";
import type { Plan } from "../plan.ts";
import { Rng } from "../rng.ts";
import type { SimSocket } from "../sockets.ts";
import type { World } from "../world.ts";
import { type Entry, type Frame, type History, Names } from "./history.ts";
import { withWorld } from "./record.ts";
import { STORY_MS } from "./stories.ts";

/** What each runner said on each connection, by `machine/link`. */
export function tellRunners(history: History, plan: Plan): Promise<ReadonlyMap<string, readonly Frame[]>> {
  return withWorld(plan, { keepTrace: false }, async (world) => {
    const plane = new OldPlane(world, history);
    const machines = world.machines.map(({ id, slots }, index) => newMachine(world, plane, index, id, slots));
    // What is done to machines is done to these instead of those that the world has made.
    const told: World = Object.create(world, { machines: { value: machines } });
    world.begin([]);
    for (const machine of machines) {
      machine.start();
    }
    for (const action of plan.actions) {
      if (action.kind !== "trigger" && action.kind !== "cancel") {
        world.timeline.after(action.at, () => act(told, action));
      }
    }
    await world.run(STORY_MS);
    if (world.violation !== null) {
      throw world.violation;
    }
    return plane.said;
  });
}

function newMachine(world: World, plane: OldPlane, index: number, runnerId: string, slots: number): Machine {
  return new Machine({
    runnerId,
    labels: {},
    slots,
    timeline: world.timeline,
    rng: new Rng(index + 1),
    object: plane as unknown as ObjectHost,
    revoked: () => false,
    note: () => {},
    toServer: (_machine, _text, _open, deliver) => deliver(),
    says: () => {},
    sent: () => {},
    toRunner: () => {},
    containers: { started: () => {}, ended: () => {} },
    broken: (what, error) => world.broken(what, error),
    ended: () => {},
  });
}

/** Says each frame at its time, but not before it has heard what it had heard before. */
class OldPlane {
  readonly down = false;
  readonly storage = { dead: false };
  readonly said = new Map<string, Frame[]>();
  private readonly world: World;
  private readonly history: History;
  private readonly names: Names;
  private readonly links = new Map<SimSocket, Link>();
  private readonly opened: number[] = [];

  constructor(world: World, history: History) {
    this.world = world;
    this.history = history;
    this.names = new Names(world);
  }

  accept(socket: SimSocket, claim: { readonly runnerId: string }): void {
    const machine = this.world.machines.findIndex(({ id }) => id === claim.runnerId);
    const link = (this.opened[machine] ?? 0) + 1;
    this.opened[machine] = link;
    const heard: Frame[] = [];
    this.said.set(`${machine}/${link}`, heard);
    const entries = this.history.entries.filter((one) => one.machine === machine && one.link === link);
    const speaker = { entries, heard, place: 0, due: 0 };
    this.links.set(socket, speaker);
    this.speak(socket, speaker);
  }

  receive(socket: SimSocket, text: string): void {
    const link = this.links.get(socket);
    if (link === undefined || socket.readyState !== 1) {
      return;
    }
    if (text === "ping") {
      socket.send("pong");
      return;
    }
    link.heard.push(this.names.toNames(JSON.parse(text) as Frame));
    this.speak(socket, link);
  }

  socketGone(socket: SimSocket): void {
    socket.gone();
    this.links.delete(socket);
  }

  private speak(socket: SimSocket, link: Link): void {
    for (;;) {
      const entry = link.entries[link.place];
      if (entry === undefined) {
        return;
      }
      if (entry.who === "runner") {
        const isFrame = typeof entry.says !== "string";
        if (isFrame && link.heard.length <= link.due) {
          return;
        }
        link.due += isFrame ? 1 : 0;
        link.place += 1;
        continue;
      }
      link.place += 1;
      if (entry.says !== "pong") {
        this.world.timeline.after(entry.at - this.world.timeline.now, () => {
          this.say(socket, entry);
          this.speak(socket, link);
        });
        return;
      }
    }
  }

  private say(socket: SimSocket, { says }: Entry): void {
    if (socket.readyState !== 1) {
      return;
    }
    if (says === "close") {
      socket.close(1000, "");
    } else if (typeof says !== "string") {
      socket.send(JSON.stringify(this.names.toIds(says)));
    }
  }
}

interface Link {
  readonly entries: readonly Entry[];
  readonly heard: Frame[];
  place: number;
  /** Frames of the runner that were awaited so far. */
  due: number;
}

/** `node simulation/histories/record.ts`: holds the conversations of all stories anew and writes them down. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PROTOCOL_VERSION } from "@cronium/protocol";
import { schedule } from "../actions.ts";
import type { Plan } from "../plan.ts";
import { install } from "../platform.ts";
import { World, type WorldOptions } from "../world.ts";
import { type Entry, FOLDER, type Frame, type History, Names, textOf } from "./history.ts";
import { stories, STORY_MS } from "./stories.ts";

/** A world that exists while `act` uses it. */
export async function withWorld<T>(plan: Plan, options: WorldOptions, act: (world: World) => Promise<T>): Promise<T> {
  let world: World | null = null;
  const uninstall = install({
    wait: (ms) => (world === null ? Promise.reject(new Error("There is no world yet.")) : world.wait(ms)),
  });
  try {
    world = new World(plan, options);
    return await act(world);
  } finally {
    world?.d1.db.close();
    uninstall();
  }
}

export function record(story: string, plan: Plan): Promise<History> {
  return withWorld(plan, { keepTrace: false }, async (world) => {
    const entries: Entry[] = [];
    const names = new Names(world);
    listen(world, (machine, link, who, says) => {
      const said = typeof says === "string" ? says : names.toNames(says);
      entries.push({ at: world.timeline.now, machine, link, who, says: said });
    });
    world.begin();
    schedule(world);
    await world.run(STORY_MS);
    if (world.violation !== null) {
      throw world.violation;
    }
    return { story, protocol: PROTOCOL_VERSION, entries: withoutIdleBeats(entries) };
  });
}

/** Stands at the Dispatcher's door. */
function listen(
  world: World,
  heard: (machine: number, link: number, who: Entry["who"], says: Entry["says"]) => void,
): void {
  const { object } = world;
  const accept = object.accept.bind(object);
  const receive = object.receive.bind(object);
  const gone = object.socketGone.bind(object);
  const links = new Map<unknown, { readonly machine: number; readonly link: number }>();
  const said = (text: string): Entry["says"] =>
    text === "ping" || text === "pong" ? text : (JSON.parse(text) as Frame);
  object.accept = (socket, claim) => {
    const machine = world.machines.findIndex(({ id }) => id === claim.runnerId);
    const place = { machine, link: world.machines[machine]?.socketId ?? 0 };
    links.set(socket, place);
    heard(place.machine, place.link, "runner", "open");
    const send = socket.send.bind(socket);
    const close = socket.close.bind(socket);
    socket.send = (text) => {
      heard(place.machine, place.link, "server", said(text));
      send(text);
    };
    socket.close = (code, reason) => {
      if (socket.readyState === 1) {
        heard(place.machine, place.link, "server", "close");
      }
      close(code, reason);
    };
    accept(socket, claim);
  };
  object.receive = (socket, text) => {
    const place = links.get(socket);
    if (place !== undefined) {
      heard(place.machine, place.link, "runner", said(text));
    }
    receive(socket, text);
  };
  object.socketGone = (socket, code) => {
    const place = links.get(socket);
    if (place !== undefined && socket.readyState === 1) {
      heard(place.machine, place.link, "runner", "close");
    }
    gone(socket, code);
  };
}

/** After the last word of any weight only hearts beat. */
function withoutIdleBeats(entries: readonly Entry[]): Entry[] {
  const last = entries.findLastIndex(({ says }) => says !== "ping" && says !== "pong");
  return entries.slice(0, last + 1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [story, plan] of Object.entries(stories)) {
    writeFileSync(join(FOLDER, `${story}.json`), textOf(await record(story, plan)));
    process.stdout.write(`${story} written\n`);
  }
}

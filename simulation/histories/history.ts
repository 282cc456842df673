/**
 * A conversation as it was held once: what runners and the Dispatcher said to each other over each connection, in order.
 * Ids stand as `run#1`, `event#1`, `runner#0` and `epoch#0.1` (the first process of runner 0), and what is different each time (nonces, signatures, tokens) as `…`,
 * so that a history can be read, and told again under other ids.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { World } from "../world.ts";

export const FOLDER = join(import.meta.dirname, "..", "..", "protocol", "vectors", "histories");

const Entry = z.strictObject({
  /** Virtual milliseconds from the beginning of the story. */
  at: z.int(),
  machine: z.int(),
  /** Counts the connections of the machine, from 1. */
  link: z.int(),
  /** `open` and `close` are the connection's. */
  who: z.enum(["runner", "server"]),
  says: z.union([z.literal(["open", "close", "ping", "pong"]), z.looseObject({ type: z.string() })]),
});
export type Entry = z.infer<typeof Entry>;
export type Frame = Exclude<Entry["says"], string>;

const History = z.strictObject({
  story: z.string(),
  /** The wire version that both spoke. */
  protocol: z.int(),
  entries: z.array(Entry),
});
export type History = z.infer<typeof History>;

export function readHistories(): History[] {
  return readdirSync(FOLDER)
    .toSorted()
    .map((file) => History.parse(JSON.parse(readFileSync(join(FOLDER, file), "utf8"))));
}

/** One entry a line: a change shows as the lines that changed. */
export function textOf({ story, protocol, entries }: History): string {
  const lines = entries.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n");
  return `{\n  "story": ${JSON.stringify(story)},\n  "protocol": ${protocol},\n  "entries": [\n${lines}\n  ]\n}\n`;
}

const CHANGING = new Set(["nonce", "signature", "logToken", "queuedAt"]);

/** Gives ids their names, in the order in which they appear. */
export class Names {
  private readonly runs: string[] = [];
  /** Processes of each machine. */
  private readonly epochs: string[][] = [];
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  toNames(frame: Frame): Frame {
    return this.walk(frame, (key, text) => {
      if (CHANGING.has(key)) {
        return "…";
      }
      if (/^run_[0-9a-z]{26}$/.test(text)) {
        return `run#${numberOf(this.runs, text)}`;
      }
      if (key === "epoch") {
        const machine = this.world.machines.findIndex(({ id }) => id === frame["runnerId"]);
        return `epoch#${machine}.${numberOf((this.epochs[machine] ??= []), text)}`;
      }
      const event = this.world.eventIds.indexOf(text);
      const machine = this.world.machines.findIndex(({ id }) => id === text);
      return event >= 0 ? `event#${event + 1}` : machine >= 0 ? `runner#${machine}` : text;
    });
  }

  /** The other way round; what was not seen here yet gets an id. */
  toIds(frame: Frame): Frame {
    return this.walk(frame, (_key, text) => {
      const [, kind, number = ""] = /^(run|event|runner|epoch)#([\d.]+)$/.exec(text) ?? [];
      switch (kind) {
        case "run":
          return (this.runs[Number(number) - 1] ??= `run_${number.padStart(26, "0")}`);
        case "epoch":
          return number.replace(".", "").padStart(32, "0");
        case "event":
          return this.world.eventIds[Number(number) - 1] ?? text;
        case "runner":
          return this.world.machines[Number(number)]?.id ?? text;
        default:
          return text;
      }
    });
  }

  private walk(frame: Frame, rename: (key: string, text: string) => string): Frame {
    const seen = JSON.stringify(frame, (key, value: unknown) => {
      if (typeof value === "number" && CHANGING.has(key)) {
        return 0;
      }
      return typeof value === "string" ? rename(key, value) : value;
    });
    return JSON.parse(seen) as Frame;
  }
}

/** Its place in the list, from 1; it is added if need be. */
function numberOf(list: string[], text: string): number {
  const found = list.indexOf(text);
  return found >= 0 ? found + 1 : list.push(text);
}

/** Durable Objects that do nothing but set an alarm and write down when it came: one row each, or many in one object. */
import { startBareWorker } from "./bare-worker.ts";

const SOURCE = `
import { DurableObject } from "cloudflare:workers";
export class Alarm extends DurableObject {
  async fetch(request) {
    const { storage } = this.ctx;
    const query = new URL(request.url).searchParams;
    const at = query.get("at");
    storage.sql.exec("CREATE TABLE IF NOT EXISTS alarms (n INTEGER PRIMARY KEY, at INTEGER, late INTEGER)");
    if (at !== null) {
      for (let i = 0; i < Number(query.get("rows") ?? 1); i += 1) {
        storage.sql.exec("INSERT INTO alarms (at) VALUES (?)", Number(at));
      }
      await storage.setAlarm(Number(at));
      return new Response("set");
    }
    const row = storage.sql.exec("SELECT max(late) AS late FROM alarms HAVING count(*) = count(late)").toArray()[0];
    return new Response(String(row?.late ?? ""));
  }
  async alarm() {
    const { sql } = this.ctx.storage;
    // Each for itself, by its own look at the clock: a thousand alarms' worth of work.
    for (const { n } of sql.exec("SELECT n FROM alarms").toArray()) {
      sql.exec("UPDATE alarms SET late = ? - at WHERE n = ?", Date.now(), n);
    }
  }
}
export default {
  fetch(request, env) {
    const name = new URL(request.url).searchParams.get("name");
    return name === null ? new Response("ok") : env.OBJECT.get(env.OBJECT.idFromName(name)).fetch(request);
  },
};
`;

export interface BareAlarms {
  readonly version: string;
  /** `rows`: how many the alarm of this object writes, one by default. */
  set(name: string, at: number, rows?: number): Promise<void>;
  /** Milliseconds, of its last row; null while it has not come. */
  late(name: string): Promise<number | null>;
  stop(): Promise<void>;
}

export async function startBareAlarms(): Promise<BareAlarms> {
  const worker = await startBareWorker(SOURCE, { className: "Alarm" });
  const ask = async (query: string): Promise<string> => (await fetch(`${worker.url}/?${query}`)).text();
  return {
    version: worker.version,
    set: async (name, at, rows = 1) => {
      await ask(`name=${name}&at=${at}&rows=${rows}`);
    },
    late: async (name) => {
      const text = await ask(`name=${name}`);
      return text === "" ? null : Number(text);
    },
    stop: () => worker.stop(),
  };
}

/** Durable Objects that do nothing but set an alarm and write down when it came. */
import { startBareWorker } from "./bare-worker.ts";

const SOURCE = `
import { DurableObject } from "cloudflare:workers";
export class Alarm extends DurableObject {
  async fetch(request) {
    const { storage } = this.ctx;
    const at = new URL(request.url).searchParams.get("at");
    storage.sql.exec("CREATE TABLE IF NOT EXISTS alarms (at INTEGER, late INTEGER)");
    if (at !== null) {
      storage.sql.exec("INSERT INTO alarms (at) VALUES (?)", Number(at));
      await storage.setAlarm(Number(at));
      return new Response("set");
    }
    const row = storage.sql.exec("SELECT late FROM alarms").toArray()[0];
    return new Response(String(row?.late ?? ""));
  }
  async alarm() {
    this.ctx.storage.sql.exec("UPDATE alarms SET late = ? - at", Date.now());
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
  set(name: string, at: number): Promise<void>;
  /** Milliseconds; null while it has not come. */
  late(name: string): Promise<number | null>;
  stop(): Promise<void>;
}

export async function startBareAlarms(): Promise<BareAlarms> {
  const worker = await startBareWorker(SOURCE, { className: "Alarm" });
  const ask = async (query: string): Promise<string> => (await fetch(`${worker.url}/?${query}`)).text();
  return {
    version: worker.version,
    set: async (name, at) => {
      await ask(`name=${name}&at=${at}`);
    },
    late: async (name) => {
      const text = await ask(`name=${name}`);
      return text === "" ? null : Number(text);
    },
    stop: () => worker.stop(),
  };
}

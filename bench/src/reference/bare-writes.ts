/** The floor of a delivery: a Worker that hands each body to one object, which writes it as a row before it answers. */
import { startBareWorker, type BareWorker } from "./bare-worker.ts";

const SOURCE = `
import { DurableObject } from "cloudflare:workers";
export class Store extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS bodies (n INTEGER PRIMARY KEY, id TEXT NOT NULL, body BLOB NOT NULL)");
  }
  async fetch(request) {
    const body = await request.arrayBuffer();
    this.ctx.storage.sql.exec("INSERT INTO bodies (id, body) VALUES (?, ?)", request.headers.get("webhook-id") ?? "", body);
    return new Response("stored", { status: 202 });
  }
}
export default {
  fetch(request, env) {
    return request.method === "POST" ? env.OBJECT.get(env.OBJECT.idFromName("store")).fetch(request) : new Response("ok");
  },
};
`;

export function startBareWrites(): Promise<BareWorker> {
  return startBareWorker(SOURCE, { className: "Store" });
}

/**
 * The floor of live logs: a bare Durable Object for each room that stores each frame as a row and hands it to every
 * viewer. One room fed straight from Docker's attach stream stands beside `log-latency`, a thousand beside `live-1000`.
 */
import { startBareWorker, type BareWorker } from "./bare-worker.ts";

const WORKER = `
import { DurableObject } from "cloudflare:workers";
export class Relay extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS frames (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  }
  fetch(request) {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server, [new URL(request.url).searchParams.get("as")]);
    return new Response(null, { status: 101, webSocket: client });
  }
  webSocketMessage(socket, bytes) {
    for (const viewer of this.ctx.getWebSockets("viewer")) viewer.send(bytes);
    this.ctx.storage.sql.exec("INSERT INTO frames (bytes) VALUES (?)", bytes);
  }
  webSocketClose(socket, code, reason) { socket.close(code === 1005 || code === 1006 ? 1000 : code, reason); }
}
export default { fetch(request, env) {
  if (request.headers.get("upgrade") !== "websocket") return new Response("ready");
  return env.OBJECT.getByName(new URL(request.url).searchParams.get("room") ?? "relay").fetch(request);
} };
`;

export type Relay = BareWorker;

/** `url` opens a socket: `?as=viewer` or `?as=feeder`, and `&room=<name>` for one of several rooms. */
export async function startRelay(): Promise<Relay> {
  const worker = await startBareWorker(WORKER, { className: "Relay" });
  return { ...worker, url: `${worker.url.replace("http", "ws")}/` };
}

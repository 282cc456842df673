/**
 * The floor of live logs: one bare Durable Object on workerd that stores each frame as a row and hands it to every
 * viewer, fed straight from Docker's attach stream.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../plane.ts";
import { waitUntil } from "../wait.ts";

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
  return env.RELAY.getByName("relay").fetch(request);
} };
`;

const CONFIG = (port: number): string => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "data", disk = (path = "data", writable = true))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-10-01",
  bindings = [(name = "RELAY", durableObjectNamespace = "Relay")],
  durableObjectNamespaces = [(className = "Relay", uniqueKey = "relay", enableSql = true)],
  durableObjectStorage = (localDisk = "data")
);
`;

export interface Relay {
  readonly url: string;
  readonly version: string;
  stop(): Promise<void>;
}

/** Path of the workerd program that npm installed. */
export function workerdProgram(): string {
  return (createRequire(import.meta.url)("workerd") as { default: string }).default;
}

export async function startRelay(): Promise<Relay> {
  const folder = mkdtempSync(join(tmpdir(), "cronium-relay-"));
  const port = await freePort();
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "worker.js"), WORKER);
  writeFileSync(join(folder, "config.capnp"), CONFIG(port));
  const server = spawn(workerdProgram(), ["serve", "config.capnp"], { cwd: folder, stdio: "ignore" });
  const gone = new Promise((resolve) => server.once("exit", resolve));
  await waitUntil("the relay to start", 15_000, () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      (response) => response.ok,
      () => false,
    ),
  );
  return {
    url: `ws://127.0.0.1:${port}/`,
    version: (createRequire(import.meta.url)("workerd/package.json") as { version: string }).version,
    stop: async () => {
      server.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * The floor of a warm start: a script handed to a shell that waits on its standard input in a started container, two
 * echoes of a bare Durable Object and one D1 write, one after the other. Nothing of it can be left out by whoever
 * triggers over an API, keeps the trigger, and shows the line to a viewer.
 */
import type { Duplex } from "node:stream";
import WebSocket from "ws";
import { within } from "../wait.ts";
import { startBareWorker } from "./bare-worker.ts";
import { docker, hostConfig } from "./docker.ts";

const WORKER = `
import { DurableObject } from "cloudflare:workers";
export class Echo extends DurableObject {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }
  webSocketMessage(socket, text) { socket.send(text); }
  webSocketClose(socket) { socket.close(1000); }
}
export default { async fetch(request, env) {
  if (request.headers.get("upgrade") === "websocket") return env.OBJECT.getByName("echo").fetch(request);
  if (new URL(request.url).pathname === "/write") {
    await env.DB.prepare("CREATE TABLE IF NOT EXISTS runs (n INTEGER PRIMARY KEY, at INTEGER)").run();
    return new Response("made");
  }
  if (request.method === "POST") {
    await env.DB.prepare("INSERT INTO runs (at) VALUES (?1)").bind(Date.now()).run();
    return new Response("written");
  }
  return new Response("ready");
} };
`;

export interface Parked {
  readonly version: string;
  /** Starts a container that waits. */
  park(image: string): Promise<void>;
  /** Milliseconds for both echoes, the write, and from the script's first byte to that of its output. */
  once(script: string): Promise<number>;
  stop(): Promise<void>;
}

interface Waiting {
  readonly stream: Duplex;
  remove(): Promise<void>;
}

export async function startParked(): Promise<Parked> {
  const worker = await startBareWorker(WORKER, { className: "Echo", d1: true });
  await fetch(`${worker.url}/write`);
  const socket = new WebSocket(worker.url.replace("http", "ws"));
  await within("the echo object", 15_000, new Promise((resolve) => socket.once("open", resolve)));
  const waiting: Waiting[] = [];
  const echo = (): Promise<void> =>
    new Promise((resolve) => {
      socket.once("message", () => resolve());
      socket.send("job");
    });
  return {
    version: `workerd ${worker.version}`,
    park: async (image) => void waiting.push(await park(image)),
    once: async (script) => {
      const one = waiting.shift();
      if (one === undefined) {
        throw new Error("No container waits.");
      }
      const begin = performance.now();
      await (await fetch(worker.url, { method: "POST" })).text();
      await echo();
      const printed = new Promise((resolve) => one.stream.once("data", resolve));
      one.stream.write(`${script}\n`);
      await printed;
      await echo();
      const ms = performance.now() - begin;
      await one.remove();
      return ms;
    },
    stop: async () => {
      socket.terminate();
      await Promise.all(waiting.map((one) => one.remove()));
      await worker.stop();
    },
  };
}

async function park(image: string): Promise<Waiting> {
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: [],
    Cmd: ["bash", "-c", 'IFS= read -r script; eval "$script"'],
    User: "10001:10001",
    NetworkDisabled: true,
    OpenStdin: true,
    AttachStdin: true,
    AttachStdout: true,
    HostConfig: hostConfig,
  });
  const stream = (await container.attach({ stream: true, hijack: true, stdin: true, stdout: true })) as Duplex;
  await container.start();
  return { stream, remove: () => container.remove({ force: true }).then(() => undefined) };
}

/** Stands between a runner and Docker, request by request, and gives some of them another end. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";

/**
 * `refuse`: a 500 as the engine gives it for a file system that is busy. `hang`: no answer, and Docker never hears of
 * it, until `release`. `swallow`: said to be done, and not passed on.
 */
export type Fault = "refuse" | "hang" | "swallow";

const BUSY = { message: "driver failed to remove root filesystem: device or resource busy" };

export class DockerProxy {
  private readonly server: Server;
  private readonly path: string;
  private readonly held: (() => void)[] = [];
  /** Which requests go wrong; null for those that are passed on. */
  fault: (method: string, path: string) => Fault | null = () => null;

  constructor(path: string) {
    this.path = path;
    this.server = createServer((incoming, answer) => this.take(incoming, answer));
    this.server.keepAliveTimeout = 60_000;
  }

  open(): Promise<void> {
    return new Promise((resolve) => this.server.listen(this.path, resolve));
  }

  /** Nothing goes wrong from now on, and what hung goes on. */
  release(): void {
    this.fault = () => null;
    for (const go of this.held.splice(0)) {
      go();
    }
  }

  async close(): Promise<void> {
    this.release();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private take(incoming: IncomingMessage, answer: ServerResponse): void {
    const { method = "GET", url = "/" } = incoming;
    // What is given up by its caller, as every stream of a job is in the end.
    answer.on("error", () => {});
    switch (this.fault(method, url)) {
      case "refuse":
        incoming.resume();
        answer.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify(BUSY));
        break;
      case "swallow":
        incoming.resume();
        answer.writeHead(204).end();
        break;
      case "hang":
        this.held.push(() => this.pass(incoming, answer));
        break;
      default:
        this.pass(incoming, answer);
    }
  }

  private pass(incoming: IncomingMessage, answer: ServerResponse): void {
    const { method, url, headers } = incoming;
    const outgoing = request({ socketPath: "/var/run/docker.sock", method, path: url, headers, agent: false });
    outgoing.on("response", (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers);
      // The head of a stream of a job comes long before its first byte.
      answer.flushHeaders();
      given.pipe(answer);
      given.on("error", () => answer.destroy());
    });
    outgoing.on("error", () => answer.destroy());
    answer.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  }
}

/**
 * The way out of a job in the network mode `allowlist`: an HTTP proxy on a socket beside that of the runtime API. The
 * container itself has no network; a forwarder in it leads 127.0.0.1:3128 here.
 *
 * `CONNECT host:port` opens a tunnel, which carries TLS as it is: nothing is looked into, and what a host does with it is
 * its own affair. Requests for `http://…` are sent on one by one. Everything that was sent and received, and everything
 * that was refused, is said once.
 */
import { chmodSync, rmSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  request as sendRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import { connect, type Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import { decide, type Decision, type EgressRules } from "./decide.ts";
import { makeRate, type Rate } from "./rate.ts";

const MAX_CONNECTIONS = 256;
const HEADERS_WITHIN_MS = 10_000;
const CONNECT_WITHIN_MS = 15_000;
const IDLE_MS = 300_000;
/** Lines about one job; the rest is counted by nobody. */
const MAX_REPORTS = 1_000;
/** Between two neighbours alone, by RFC 9110. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authorization",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export interface EgressOptions extends EgressRules {
  readonly kbps: number | null;
  /** One line for the log of the run. */
  readonly report: (text: string) => void;
}

interface Count {
  sent: number;
  received: number;
}

export class EgressProxy {
  private readonly options: EgressOptions;
  private readonly rate: Rate;
  private readonly server: Server;
  private readonly open = new Set<Duplex>();
  private reports = 0;

  constructor(options: EgressOptions) {
    this.options = options;
    this.rate = makeRate(options.kbps);
    this.server = createServer({ headersTimeout: HEADERS_WITHIN_MS });
    this.server.maxConnections = MAX_CONNECTIONS;
    this.server.on("connect", (request, client, head) => void this.tunnel(request, client, head));
    this.server.on("request", (request, response) => void this.relay(request, response));
  }

  async listen(path: string): Promise<void> {
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(path, resolve);
    });
    // The job's user is nobody this machine knows; the folder above keeps everyone else out.
    chmodSync(path, 0o666);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    for (const socket of this.open) {
      socket.destroy();
    }
    await closed;
  }

  private async tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    client.on("error", () => client.destroy());
    const [, host = "", port = "0"] = /^(\[[^\]]+\]|[^:]+):([0-9]{1,5})$/.exec(request.url ?? "") ?? [];
    const decision = await this.decide(host, Number(port));
    if (!decision.ok) {
      client.end(`HTTP/1.1 ${decision.status} Refused\r\nContent-Type: text/plain\r\n\r\ncronium: ${decision.why}\n`);
      return;
    }
    const upstream = await this.dial(decision);
    if (upstream === null) {
      client.end("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\n\r\ncronium: the host does not answer\n");
      return;
    }
    if (client.destroyed) {
      upstream.destroy();
      return;
    }
    const count: Count = { sent: 0, received: 0 };
    for (const socket of [client, upstream]) {
      this.open.add(socket);
      socket.on("close", () => this.open.delete(socket));
    }
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    client.unshift(head);
    let ends = 0;
    const ended = (): void => {
      ends += 1;
      if (ends === 2) {
        this.reportCount(decision, count);
      }
    };
    pipeline(
      client,
      this.rate.part((bytes) => (count.sent += bytes)),
      upstream,
      ended,
    );
    upstream.on("data", (chunk: Buffer) => (count.received += chunk.length));
    pipeline(upstream, client, ended);
  }

  private async relay(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? "");
    if (url === null || url.protocol !== "http:") {
      this.refuse(response, 400, "this is a proxy; ask it for http://host/path, or CONNECT to host:port");
      return;
    }
    const decision = await this.decide(url.hostname, Number(url.port || 80));
    if (!decision.ok) {
      this.refuse(response, decision.status, decision.why);
      return;
    }
    const upstream = await this.dial(decision);
    if (upstream === null) {
      this.refuse(response, 502, "the host does not answer");
      return;
    }
    this.open.add(upstream);
    upstream.on("close", () => {
      this.open.delete(upstream);
      this.reportCount(decision, { sent: upstream.bytesWritten, received: upstream.bytesRead });
    });
    const headers = endToEnd(request);
    const onward = sendRequest({
      createConnection: () => upstream,
      method: request.method ?? "GET",
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, host: url.host, connection: "close" },
    });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer));
      pipeline(answer, response, () => upstream.destroy());
    });
    onward.on("error", () => {
      if (response.headersSent) {
        response.destroy();
      } else {
        this.refuse(response, 502, "the host ended the connection");
      }
    });
    response.on("close", () => upstream.destroy());
    pipeline(
      request,
      this.rate.part(() => {}),
      onward,
      () => {
        // `error` of the request onward tells what there is to tell.
      },
    );
  }

  private async decide(host: string, port: number): Promise<Decision> {
    const decision = await decide(this.options, host, port);
    if (!decision.ok) {
      this.say(`egress refused: ${decision.why}`);
    }
    return decision;
  }

  private async dial({ host, port, addresses }: Extract<Decision, { ok: true }>): Promise<Socket | null> {
    for (const address of addresses.slice(0, 3)) {
      const socket = await dialOne(address, port);
      if (socket !== null) {
        return socket;
      }
    }
    this.say(`egress failed: ${host}:${port} does not answer`);
    return null;
  }

  private refuse(response: ServerResponse, status: number, why: string): void {
    response.writeHead(status, { "content-type": "text/plain", connection: "close" }).end(`cronium: ${why}\n`);
  }

  private reportCount({ host, port }: Extract<Decision, { ok: true }>, { sent, received }: Count): void {
    this.say(`egress: ${host}:${port}, ${sent} bytes sent, ${received} received`);
  }

  private say(text: string): void {
    this.reports += 1;
    if (this.reports <= MAX_REPORTS) {
      this.options.report(this.reports === MAX_REPORTS ? "egress: further connections are not listed" : text);
    }
  }
}

function dialOne(address: string, port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, noDelay: true, timeout: CONNECT_WITHIN_MS });
    const fail = (): void => {
      socket.destroy();
      resolve(null);
    };
    socket.once("error", fail);
    socket.once("timeout", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      socket.off("timeout", fail);
      socket.on("error", () => socket.destroy());
      socket.setTimeout(IDLE_MS, () => socket.destroy());
      resolve(socket);
    });
  });
}

function endToEnd({ headers }: IncomingMessage): Record<string, string | string[]> {
  const named = String(headers.connection ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || HOP_BY_HOP.has(name) || named.includes(name) ? [] : [[name, value]],
    ),
  );
}

/**
 * HTTP over connections that stay open, with as little work of the client's own as Node allows: `fetch` alone takes as
 * long as many of the answers that are measured here.
 */
import { Agent, request } from "node:http";

export interface HttpReply {
  readonly status: number;
  readonly text: string;
}

export interface HttpClient {
  request(method: string, path: string, body?: unknown): Promise<HttpReply>;
  /** A POST of these very bytes. */
  post(path: string, bytes: Buffer, headers: Readonly<Record<string, string>>): Promise<HttpReply>;
  close(): void;
}

export function httpClient(url: string, headers: Readonly<Record<string, string>> = {}): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 256, scheduling: "lifo" });
  const { hostname, port } = new URL(url);
  const send = (
    method: string,
    path: string,
    bytes: Buffer | null,
    own: Readonly<Record<string, string | number>>,
  ): Promise<HttpReply> =>
    new Promise((resolve, reject) => {
      const sent = request({ agent, hostname, port, method, path, headers: { ...headers, ...own } }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.once("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
        );
        response.once("error", reject);
      });
      sent.once("error", reject);
      sent.end(bytes ?? undefined);
    });
  return {
    request: (method, path, body) => {
      const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
      return send(
        method,
        path,
        bytes,
        bytes === null ? {} : { "content-type": "application/json", "content-length": bytes.length },
      );
    },
    post: (path, bytes, own) => send("POST", path, bytes, { ...own, "content-length": bytes.length }),
    close: () => agent.destroy(),
  };
}

/**
 * HTTP over connections that stay open, with as little work of the client's own as Node allows: `fetch` alone takes as
 * long as many of the answers that are measured here.
 */
import { Agent, request } from "node:http";

export interface HttpClient {
  request(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly text: string }>;
  close(): void;
}

export function httpClient(url: string, headers: Readonly<Record<string, string>> = {}): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 256, scheduling: "lifo" });
  const { hostname, port } = new URL(url);
  return {
    request: (method, path, body) =>
      new Promise((resolve, reject) => {
        const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
        const own = bytes === null ? {} : { "content-type": "application/json", "content-length": bytes.length };
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
      }),
    close: () => agent.destroy(),
  };
}

/**
 * Services of strangers that the Worker calls, as a real HTTP server on this machine for all test files: one that takes
 * mail and shows what it took, and identity providers (`identity-providers.ts`).
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { answerAsProvider } from "./identity-providers.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly strangers: string;
  }
}

export interface SentMail {
  readonly authorization: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

const sent: SentMail[] = [];

export function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      project.provide("strangers", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      resolve(
        () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      );
    });
  });
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://strangers");
  const json = (status: number, body: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  switch (url.pathname) {
    case "/mail": {
      const mail = JSON.parse(await bodyOf(request)) as Omit<SentMail, "authorization">;
      if (mail.to[0]?.startsWith("refused") === true) {
        json(422, { message: "no such mailbox" });
        return;
      }
      sent.push({ ...mail, authorization: request.headers.authorization ?? "" });
      json(200, { id: "1" });
      return;
    }
    case "/mail/sent":
      json(
        200,
        sent.filter((mail) => mail.to.includes(url.searchParams.get("to") ?? "")),
      );
      return;
    default:
      if (!(await answerAsProvider(url, request, response))) {
        json(404, {});
      }
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

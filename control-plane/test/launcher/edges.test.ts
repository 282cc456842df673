import { request } from "node:http";
import { connect } from "node:net";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { afterEach, beforeAll, test } from "vitest";
import { buildControlPlane, Workbench } from "./plane.ts";

const bench = new Workbench();
beforeAll(buildControlPlane, 120_000);
afterEach(() => bench.cleanUp(), 30_000);

/** Status of an answer to a connection from this address of this machine. */
function statusFrom(url: string, localAddress: string, forwardedFor?: string): Promise<number> {
  const headers = forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/api/v1/openapi.json`, { localAddress, headers, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject).end();
  });
}

async function statuses(times: number, ...from: Parameters<typeof statusFrom>): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < times; i += 1) {
    found.push(await statusFrom(...from));
  }
  return found;
}

test("the limit per address counts whoever connects, and believes no header of a stranger", async ({ expect }) => {
  const { url } = await bench.launch(bench.folder(), "--var", "REQUESTS_PER_ADDRESS=2").ready;
  expect(await statuses(3, url, "127.0.0.2")).toEqual([200, 200, 429]);
  expect(await statuses(1, url, "127.0.0.2", "203.0.113.1")).toEqual([429]);
  expect(await statuses(1, url, "127.0.0.3")).toEqual([200]);
});

test("behind a proxy that is trusted each client has a limit of its own", async ({ expect }) => {
  const { url } = await bench.launch(
    bench.folder(),
    ...["--var", "REQUESTS_PER_ADDRESS=2", "--var", "TRUSTED_PROXIES=127.0.0.2"],
  ).ready;
  expect(await statuses(3, url, "127.0.0.2", "203.0.113.1")).toEqual([200, 200, 429]);
  expect(await statuses(1, url, "127.0.0.2", "203.0.113.2")).toEqual([200]);
  expect(await statuses(1, url, "127.0.0.2", "203.0.113.2, 203.0.113.1")).toEqual([429]);
  expect(await statuses(2, url, "127.0.0.3", "203.0.113.1")).toEqual([200, 200]);
});

/** The first line of each answer to a request that is sent as it stands; empty when the connection was closed. */
function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => socket.end(text));
    socket.setEncoding("utf8").on("data", (part: string) => {
      answer += part;
    });
    socket.on("error", reject).on("close", () => resolve(answer.split("\r\n")[0] ?? ""));
  });
}

test("B50 requests that no client sends by intention are refused, and the next one is answered", async ({ expect }) => {
  const { url } = await bench.launch(bench.folder()).ready;
  const host = new URL(url).host;
  const lines = [
    `GET http://evil.example/api/v1/me HTTP/1.1\r\nHost: ${host}\r\n`,
    `GET ${url}/api/v1/me HTTP/1.1\r\nHost: evil.example\r\n`,
    `GET //api/v1/me HTTP/1.1\r\nHost: ${host}\r\n`,
    `GET /api/v1/me HTTP/1.1\r\n`,
    `GET /api/v1/me HTTP/1.1\r\nHost: a b\r\n`,
    `GET /api/v1/me HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\n`,
    `GET /api/v1/me HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${"x".repeat(200_000)}\r\n`,
    `OPTIONS * HTTP/1.1\r\nHost: ${host}\r\n`,
    `TRACE /api/v1/me HTTP/1.1\r\nHost: ${host}\r\n`,
    `CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n`,
    `get /api/v1/me HTTP/1.1\r\nHost: ${host}\r\n`,
    `POST /api/v1/events HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n`,
  ];
  for (const line of lines) {
    expect(await raw(url, `${line}Connection: close\r\n\r\n`), line.slice(0, 80)).toMatch(
      /^(?:HTTP\/1\.1 [45]\d\d |$)/,
    );
    expect((await fetch(`${url}/health`)).status).toBe(200);
  }
});

test("the served OpenAPI document is one, by the rules of a linter", async ({ expect }) => {
  const { url } = await bench.launch(bench.folder()).ready;
  const response = await fetch(`${url}/api/v1/openapi.json`);
  const source = await response.text();
  const config = await createConfig({ extends: ["recommended-strict"] });
  const problems = await lintFromString({ source, absoluteRef: `${url}/api/v1/openapi.json`, config });
  const named = problems.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer ?? ""}: ${message}`);
  // A route that is a socket answers 101 and no 2xx.
  const sockets = /^operation-2xx-response #\/paths\/[^:]*(?:live|connect|logs~1\{runId\})\/get\/responses:/;
  expect(named.filter((problem) => !sockets.test(problem))).toEqual([]);
  expect(source).not.toContain('"code":"invalid_name"');
});

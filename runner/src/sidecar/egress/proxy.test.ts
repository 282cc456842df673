import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { readAllowedHost } from "@cronium/protocol/allowed-host";
import { addressCheck } from "../../network-ranges.ts";
import { decide, type EgressRules } from "./decide.ts";
import { type EgressOptions, EgressProxy } from "./proxy.ts";

const rulesOf = (...hosts: string[]) => hosts.flatMap((host) => readAllowedHost(host) ?? []);

describe("T3 who is connected with whom", () => {
  const names: Record<string, string[]> = {
    "api.example.com": ["93.184.215.14"],
    "inside.example.com": ["10.1.2.3"],
    "metadata.example.com": ["169.254.169.254"],
    "both.example.com": ["127.0.0.1", "93.184.215.14"],
    "mapped.example.com": ["::ffff:169.254.169.254"],
  };
  const rules = (change: Partial<EgressRules> = {}): EgressRules => ({
    hosts: rulesOf("*.example.com", "169.254.169.254", "[::1]", "localhost"),
    also: null,
    isOpen: addressCheck([]),
    resolve: async (host) => names[host] ?? ["127.0.0.1"],
    ...change,
  });

  test("a host of the event, by an address of the public internet", async ({ expect }) => {
    expect(await decide(rules(), "API.example.com", 443)).toMatchObject({ ok: true, addresses: ["93.184.215.14"] });
  });

  test.for([
    ["evil.org", 443, "not among the hosts that this event may reach"],
    ["api.example.com", 22, "not among the hosts that this event may reach"],
    ["inside.example.com", 443, "leads to 10.1.2.3"],
    ["metadata.example.com", 80, "leads to 169.254.169.254"],
    ["mapped.example.com", 80, "leads to ::ffff:169.254.169.254"],
    ["169.254.169.254", 80, "leads to 169.254.169.254"],
    ["[::1]", 80, "leads to ::1"],
    ["localhost", 80, "leads to 127.0.0.1"],
  ] as const)("never %s:%i", async ([host, port, why], { expect }) => {
    expect(await decide(rules(), host, port)).toMatchObject({
      ok: false,
      status: 403,
      why: expect.stringContaining(why),
    });
  });

  test("of several addresses only the open ones are dialled", async ({ expect }) => {
    expect(await decide(rules(), "both.example.com", 443)).toMatchObject({ addresses: ["93.184.215.14"] });
  });

  test("the local policy narrows hosts and opens ranges", async ({ expect }) => {
    const narrow = rules({ also: rulesOf("api.example.com"), isOpen: addressCheck(["10.1.0.0/16"]) });
    expect(await decide(narrow, "inside.example.com", 443)).toMatchObject({
      why: expect.stringContaining("runner's local policy"),
    });
    expect(await decide(rules({ isOpen: addressCheck(["10.1.0.0/16"]) }), "inside.example.com", 443)).toMatchObject({
      ok: true,
    });
  });

  test("a name without an address is told apart from one that is refused", async ({ expect }) => {
    const resolve = (): Promise<string[]> => Promise.reject(new Error("ENOTFOUND"));
    expect(await decide(rules({ resolve }), "none.example.com", 443)).toMatchObject({ ok: false, status: 502 });
  });
});

describe("the proxy", () => {
  let folder: string;
  let proxy: EgressProxy;
  let server: Server;
  let port: number;
  let reports: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "cronium-egress-"));
    reports = [];
    server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        response.setHeader("x-seen", JSON.stringify({ ...incoming.headers, url: incoming.url }));
        response.end(`got ${Buffer.concat(chunks).length}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(async () => {
    await proxy.close();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (change: Partial<EgressOptions> = {}): Promise<void> => {
    proxy = new EgressProxy({
      hosts: rulesOf(`api.test:${port}`),
      also: null,
      isOpen: () => true,
      resolve: async () => ["127.0.0.1"],
      kbps: null,
      report: (text) => reports.push(text),
      ...change,
    });
    await proxy.listen(join(folder, "proxy.sock"));
  };

  const ask = (path: string, body = "", headers = {}) =>
    new Promise<{ status: number; text: string; seen: Record<string, string> }>((resolve, reject) => {
      const asked = request(
        { socketPath: join(folder, "proxy.sock"), path, method: "POST", headers: { host: "other.test", ...headers } },
        (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => (text += chunk.toString()));
          response.on("end", () => {
            const seen = JSON.parse(String(response.headers["x-seen"] ?? "{}")) as Record<string, string>;
            resolve({ status: response.statusCode ?? 0, text, seen });
          });
        },
      );
      asked.on("error", reject);
      asked.end(body);
    });

  const tunnel = (target: string, say: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(join(folder, "proxy.sock"));
      let text = "";
      socket.on("data", (chunk) => {
        const first = text === "";
        text += chunk.toString();
        if (first && text.startsWith("HTTP/1.1 200")) {
          socket.end(say);
        }
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(text));
      socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    });

  test("sends a request on, without what is between neighbours alone, and says what went", async ({ expect }) => {
    await start();
    const answer = await ask(`http://api.test:${port}/a?b=c`, "12345", {
      "proxy-authorization": "Basic x",
      connection: "x-own",
      "x-own": "1",
      "x-kept": "2",
    });
    expect(answer).toMatchObject({ status: 200, text: "got 5" });
    expect(answer.seen).toMatchObject({ url: "/a?b=c", host: `api.test:${port}`, "x-kept": "2" });
    expect(Object.keys(answer.seen)).not.toEqual(expect.arrayContaining(["proxy-authorization"]));
    expect(Object.keys(answer.seen)).not.toEqual(expect.arrayContaining(["x-own"]));
    await expect
      .poll(() => reports.join())
      .toMatch(/^egress: api\.test:[0-9]+, [1-9][0-9]* bytes sent, [1-9][0-9]* received$/);
  });

  test("opens a tunnel, and says what went through it", async ({ expect }) => {
    const echo = createTcpServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    const { port: far } = echo.address() as AddressInfo;
    await start({ hosts: rulesOf(`echo.test:${far}`) });
    expect(await tunnel(`echo.test:${far}`, "hello")).toBe("HTTP/1.1 200 Connection established\r\n\r\nhello");
    await expect.poll(() => reports).toEqual([`egress: echo.test:${far}, 5 bytes sent, 5 received`]);
    echo.close();
  });

  test("refuses what is not allowed with its reason, and the log has it", async ({ expect }) => {
    await start();
    expect(await ask("http://evil.test/")).toMatchObject({
      status: 403,
      text: expect.stringContaining("evil.test:80"),
    });
    expect(await tunnel("evil.test:443", "x")).toMatch(/^HTTP\/1.1 403 Refused\r\n.*evil\.test:443 is not among/s);
    expect(await tunnel("evil.test", "x")).toMatch(/^HTTP\/1.1 403/);
    expect(await ask("/not-a-proxy-request")).toMatchObject({ status: 400 });
    expect(reports).toEqual([
      expect.stringContaining("egress refused: evil.test:80 is not among"),
      expect.stringContaining("egress refused: evil.test:443 is not among"),
      expect.stringContaining("egress refused"),
    ]);
  });

  test("holds what is sent to its rate, whatever the number of connections", async ({ expect }) => {
    await start({ kbps: 800 });
    const begin = performance.now();
    const body = "x".repeat(25_000);
    await Promise.all([ask(`http://api.test:${port}/`, body), ask(`http://api.test:${port}/`, body)]);
    // 50,000 bytes at 100 bytes per millisecond; it may take longer, and never much less.
    expect(performance.now() - begin).toBeGreaterThan(400);
  });

  test("ends every connection when it closes", async ({ expect }) => {
    const held = createTcpServer();
    await new Promise<void>((resolve) => held.listen(0, "127.0.0.1", resolve));
    const { port: far } = held.address() as AddressInfo;
    await start({ hosts: rulesOf(`held.test:${far}`) });
    const accepted = new Promise<void>((resolve) => held.once("connection", () => resolve()));
    const closed = tunnel(`held.test:${far}`, "");
    await accepted;
    await proxy.close();
    await start();
    expect(await closed).toContain("200");
    held.close();
  });
});

import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterEach, beforeEach, describe, test, vi } from "vitest";
import {
  ApiTimeoutError,
  ApiUnreachableError,
  context,
  CroniumError,
  input,
  InvalidJsonError,
  InvalidTokenError,
  NotInRunError,
  output,
  OutputTooLargeError,
} from "./index.ts";

const servers: { close: (done: () => void) => unknown }[] = [];

beforeEach(() => {
  for (const name of ["CRONIUM_API", "CRONIUM_RUN_ID", "CRONIUM_TOKEN", "CRONIUM_INPUT"]) {
    vi.stubEnv(name, undefined);
  }
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  vi.useRealTimers();
  await Promise.all(servers.splice(0).map((server) => new Promise<void>((done) => server.close(done))));
});

/** A runtime API on a port of this machine; the variables of a run point to it. */
async function serve(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("CRONIUM_API", `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  vi.stubEnv("CRONIUM_RUN_ID", "run_1");
  vi.stubEnv("CRONIUM_TOKEN", "secret");
  return server;
}

const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("in a run", () => {
  test("asks for the input of its run with its token, over http too", async ({ expect }) => {
    const seen: unknown[] = [];
    await serve((request, response) => {
      seen.push([request.method, request.url, request.headers.authorization]);
      response.end('{"n":1}');
    });
    expect(await input()).toEqual({ n: 1 });
    expect(seen).toEqual([["GET", "/v1/executions/run_1/input", "Bearer secret"]]);
  });

  test("sends the output as JSON with its length in bytes", async ({ expect }) => {
    const seen: unknown[] = [];
    await serve((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on("end", () => {
        seen.push([request.url, request.headers["content-type"], request.headers["content-length"], body]);
        response.writeHead(204).end();
      });
    });
    await output({ name: "é" });
    expect(seen).toEqual([["/v1/executions/run_1/output", "application/json", "13", '{"name":"é"}']]);
  });

  test("a problem becomes the error of its code", async ({ expect }) => {
    await serve((_request, response) => {
      response.writeHead(401, { "content-type": "application/problem+json" });
      response.end('{"code":"invalid_token","detail":"No."}');
    });
    const error = await caught(context());
    expect(error).toBeInstanceOf(InvalidTokenError);
    expect(error).toMatchObject({ name: "InvalidTokenError", code: "invalid_token", message: "No. (invalid_token)" });
  });

  test("a code of a newer API is a plain CroniumError that carries it", async ({ expect }) => {
    await serve((_request, response) => response.writeHead(409).end('{"code":"brand_new","detail":"Hm."}'));
    const error = await caught(input());
    expect(error).toMatchObject({ name: "CroniumError", code: "brand_new" });
  });

  test("an answer that is no problem document is told by its status", async ({ expect }) => {
    await serve((_request, response) => response.writeHead(500).end("<html>"));
    expect(await caught(input())).toMatchObject({ code: "internal", message: expect.stringContaining("500") });
  });

  test("a connection that breaks off is tried again", async ({ expect }) => {
    let calls = 0;
    await serve((request, response) => {
      calls += 1;
      if (calls === 1) {
        request.socket.destroy();
      } else {
        response.end("true");
      }
    });
    expect(await input()).toBe(true);
    expect(calls).toBe(2);
  });

  test("an API that never answers ends in a timeout", async ({ expect }) => {
    const silent = createTcpServer((socket) => socket.on("error", () => {}));
    servers.push(silent);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const connected = new Promise<void>((resolve) =>
      silent.once("connection", (socket) => {
        socket.once("data", () => resolve());
        servers.unshift({ close: (done) => socket.destroy() && done() });
      }),
    );
    vi.stubEnv("CRONIUM_API", `http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    vi.stubEnv("CRONIUM_RUN_ID", "run_1");
    vi.stubEnv("CRONIUM_TOKEN", "secret");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const failed = caught(input());
    await connected;
    vi.advanceTimersByTime(30_000);
    expect(await failed).toBeInstanceOf(ApiTimeoutError);
  });

  test("an address of another kind is refused at once", async ({ expect }) => {
    await serve(() => {});
    vi.stubEnv("CRONIUM_API", "ftp://127.0.0.1");
    expect(await caught(input())).toBeInstanceOf(ApiUnreachableError);
  });
});

describe("outputs without a JSON form", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  const values = [undefined, () => 1, Number.NaN, { deep: [Number.POSITIVE_INFINITY] }, 1n, circle];
  test.for(values.map((value) => ({ value })))("%o is refused", async ({ value }, { expect }) => {
    vi.stubEnv("CRONIUM_INPUT", "null");
    expect(await caught(output(value))).toBeInstanceOf(InvalidJsonError);
  });

  test("more than 1 MiB is refused with both sizes", async ({ expect }) => {
    vi.stubEnv("CRONIUM_INPUT", "null");
    const error = await caught(output("é".repeat(524_288)));
    expect(error).toBeInstanceOf(OutputTooLargeError);
    expect(error).toMatchObject({ message: expect.stringMatching(/1048578 .*1048576/u) });
  });
});

describe("outside a run", () => {
  test("every verb explains how to try the script", async ({ expect }) => {
    for (const verb of [input(), output(1), context()]) {
      const error = await caught(verb);
      expect(error).toBeInstanceOf(NotInRunError);
      expect(error).toBeInstanceOf(CroniumError);
      expect(error).toMatchObject({ code: "not_in_run", message: expect.stringContaining("CRONIUM_INPUT=") });
    }
  });

  test("CRONIUM_INPUT gives the input, and the output goes to stderr", async ({ expect }) => {
    vi.stubEnv("CRONIUM_INPUT", '{"n":[1]}');
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    await output(await input());
    expect(write.mock.calls).toEqual([['cronium output: {"n":[1]}\n']]);
    expect(await context()).toMatchObject({ runId: "local", attempt: 1, eventId: null });
  });

  test("a CRONIUM_INPUT that is no JSON is named", async ({ expect }) => {
    vi.stubEnv("CRONIUM_INPUT", "{n:1}");
    const error = await caught(input());
    expect(error).toBeInstanceOf(InvalidJsonError);
    expect(error).toMatchObject({ message: expect.stringContaining("CRONIUM_INPUT is not JSON") });
  });
});

import { request } from "node:http";
import { afterEach, beforeAll, test } from "vitest";
import { buildControlPlane, Workbench } from "./plane.ts";

const bench = new Workbench();
beforeAll(buildControlPlane, 120_000);
afterEach(() => bench.cleanUp(), 30_000);

const SLOW = { timeout: 60_000 };

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

test(
  "the limit per address counts whoever connects, and believes no header of a stranger",
  SLOW,
  async ({ expect }) => {
    const { url } = await bench.launch(bench.folder(), "--var", "REQUESTS_PER_ADDRESS=2").ready;
    expect(await statuses(3, url, "127.0.0.2")).toEqual([200, 200, 429]);
    expect(await statuses(1, url, "127.0.0.2", "203.0.113.1")).toEqual([429]);
    expect(await statuses(1, url, "127.0.0.3")).toEqual([200]);
  },
);

test("behind a proxy that is trusted each client has a limit of its own", SLOW, async ({ expect }) => {
  const { url } = await bench.launch(
    bench.folder(),
    ...["--var", "REQUESTS_PER_ADDRESS=2", "--var", "TRUSTED_PROXIES=127.0.0.2"],
  ).ready;
  expect(await statuses(3, url, "127.0.0.2", "203.0.113.1")).toEqual([200, 200, 429]);
  expect(await statuses(1, url, "127.0.0.2", "203.0.113.2")).toEqual([200]);
  expect(await statuses(1, url, "127.0.0.2", "203.0.113.2, 203.0.113.1")).toEqual([429]);
  expect(await statuses(2, url, "127.0.0.3", "203.0.113.1")).toEqual([200, 200]);
});

import { beforeAll, beforeEach, test } from "vitest";
import { makeToken } from "@cronium/protocol/token";
import type { RequestRates } from "../../src/auth/request-limits.ts";
import { makeDeps, type PlaceLimit } from "../../src/deps.ts";
import { createApp } from "../../src/http/app.ts";
import { addWorkspace, claim, cookieOf, ORIGIN, problemOf, random, setUp, testEnv } from "./installation.ts";

const rates: RequestRates = { address: 4, failures: 3, user: 5, key: 6, workspace: 9 };

type App = ReturnType<typeof createApp>;
let app: App;

/** An isolate of its own, with low limits. */
function limited(change: Partial<RequestRates> = {}, vars: Readonly<Record<string, string>> = {}): App {
  const { address, failures, user, key, workspace } = { ...rates, ...change };
  return createApp(
    makeDeps({
      ...testEnv,
      REQUESTS_PER_ADDRESS: String(address),
      FAILURES_PER_ADDRESS: String(failures),
      REQUESTS_PER_USER: String(user),
      REQUESTS_PER_KEY: String(key),
      REQUESTS_PER_WORKSPACE: String(workspace),
      ...vars,
    }),
  );
}

interface Asking {
  readonly key?: string;
  readonly cookie?: string;
  /** Address of whoever connects, as workerd names it. */
  readonly peer?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
}

async function ask(path: string, { key, cookie, peer, headers, method = "GET" }: Asking = {}): Promise<Response> {
  const request = new Request(ORIGIN + path, {
    method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(cookie === undefined ? {} : { cookie, origin: ORIGIN }),
      ...headers,
    },
    ...(peer === undefined ? {} : { cf: { clientIp: peer } }),
  });
  return app.fetch(request, testEnv);
}

async function statuses(times: number, path: string, asking: Asking = {}): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < times; i += 1) {
    found.push((await ask(path, asking)).status);
  }
  return found;
}

beforeAll(async () => {
  await setUp();
});
beforeEach(() => {
  app = limited();
});

test("T28 a key, a person and a workspace each have their requests, and a 429 says which is used up and when it is back", async ({
  expect,
}) => {
  const workspace = await addWorkspace();
  const [one, two] = [await workspace.keyFor("viewer"), await workspace.keyFor("operator")];
  expect(await statuses(6, "/api/v1/me", { key: one })).toEqual([200, 200, 200, 200, 200, 200]);
  const refused = await ask("/api/v1/me", { key: one });
  expect(Object.fromEntries(refused.headers)).toMatchObject({
    "retry-after": "10",
    "ratelimit-policy": '"key";q=6;w=60',
    ratelimit: '"key";r=0;t=10',
  });
  expect(await problemOf(refused)).toMatchObject({
    status: 429,
    code: "rate_limited",
    detail: expect.stringMatching(/6 requests with one API key a minute.*try again in 10 s/),
    hint: expect.stringContaining("Retry-After"),
  });
  expect(await statuses(3, "/api/v1/me", { key: two })).toEqual([200, 200, 200]);
  const whole = await ask("/api/v1/me", { key: two });
  expect([whole.status, whole.headers.get("ratelimit-policy")]).toEqual([429, '"workspace";q=9;w=60']);
  const other = await addWorkspace();
  expect(await statuses(1, "/api/v1/me", { key: await other.keyFor("viewer") })).toEqual([200]);
});

test("T28 a person has one limit over all sessions", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const cookie = cookieOf(await claim(claimToken, "busy@example.org"));
  expect(await statuses(6, "/api/v1/me", { cookie })).toEqual([200, 200, 200, 200, 200, 429]);
});

test("an answer says what is left of the limit that it came closest to", async ({ expect }) => {
  const { keyFor } = await addWorkspace();
  const key = await keyFor("viewer");
  const first = await ask("/api/v1/me", { key });
  expect([first.headers.get("ratelimit-policy"), first.headers.get("ratelimit")]).toEqual([
    '"key";q=6;w=60',
    '"key";r=5;t=10',
  ]);
  app = limited({ key: 100 });
  const second = await ask("/api/v1/me", { key });
  expect(second.headers.get("ratelimit")).toBe('"workspace";r=8;t=7');
  app = limited({ key: 0, workspace: 0 });
  expect((await ask("/api/v1/me", { key })).headers.has("ratelimit")).toBe(false);
});

test("requests without a login count for the address that they come from, and that of an IPv6 network is one", async ({
  expect,
}) => {
  const path = "/api/v1/openapi.json";
  expect(await statuses(5, path, { peer: "192.0.2.1:1000" })).toEqual([200, 200, 200, 200, 429]);
  expect(await statuses(1, path, { peer: "192.0.2.1:2000" })).toEqual([429]);
  expect(await statuses(1, path, { peer: "192.0.2.2:1000" })).toEqual([200]);
  expect(await statuses(4, path, { peer: "[2001:db8::1]:1" })).toEqual([200, 200, 200, 200]);
  expect(await statuses(1, path, { peer: "[2001:db8::2]:1" })).toEqual([429]);
  expect(await statuses(1, path, { peer: "[2001:db8:0:1::2]:1" })).toEqual([200]);
  expect(await statuses(1, "/health", { peer: "192.0.2.1:1000" })).toEqual([200]);
});

test("X-Forwarded-For counts where a trusted proxy sends it, and is a lie everywhere else", async ({ expect }) => {
  const path = "/api/v1/openapi.json";
  const from = (peer: string, address: string): Asking => ({ peer, headers: { "x-forwarded-for": address } });
  expect(await statuses(4, path, from("192.0.2.1:1", "203.0.113.1"))).toEqual([200, 200, 200, 200]);
  expect(await statuses(1, path, from("192.0.2.1:1", "203.0.113.2"))).toEqual([429]);
  app = limited({}, { TRUSTED_PROXIES: "192.0.2.1, 10.0.0.0/8" });
  expect(await statuses(4, path, from("192.0.2.1:1", "203.0.113.1"))).toEqual([200, 200, 200, 200]);
  expect(await statuses(1, path, from("192.0.2.1:1", "203.0.113.2"))).toEqual([200]);
  expect(await statuses(1, path, from("192.0.2.1:1", "203.0.113.2, 203.0.113.1"))).toEqual([429]);
  expect(await statuses(1, path, from("192.0.2.9:1", "203.0.113.1"))).toEqual([200]);
});

test("too many keys that are wrong: no further one is looked up, and who is known goes on", async ({ expect }) => {
  const { keyFor } = await addWorkspace();
  const [known, unknown] = [await keyFor("viewer"), await keyFor("operator")];
  const peer = "192.0.2.1:1";
  expect((await ask("/api/v1/me", { key: known, peer })).status).toBe(200);
  for (let i = 0; i < 3; i += 1) {
    expect((await ask("/api/v1/me", { key: makeToken("apiKey", random(32)), peer })).status).toBe(401);
  }
  const guess = await ask("/api/v1/me", { key: makeToken("apiKey", random(32)), peer });
  expect([guess.status, guess.headers.get("ratelimit-policy")]).toEqual([429, '"failures";q=3;w=60']);
  expect((await ask("/api/v1/me", { key: unknown, peer })).status).toBe(429);
  expect((await ask("/api/v1/me", { key: known, peer })).status).toBe(200);
  expect((await ask("/api/v1/me", { key: unknown, peer: "192.0.2.2:1" })).status).toBe(200);
});

test("counting requests asks no database", async ({ expect }) => {
  const { keyFor } = await addWorkspace();
  const key = await keyFor("viewer");
  let statements = 0;
  const counted = new Proxy(testEnv.DB, {
    get(target, name) {
      statements += name === "prepare" || name === "batch" ? 1 : 0;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  app = createApp(makeDeps({ ...testEnv, DB: counted }));
  expect(await statuses(1, "/api/v1/settings", { key })).toEqual([200]);
  expect(statements).toBeGreaterThan(0);
  statements = 0;
  expect(new Set(await statuses(20, "/api/v1/settings", { key }))).toEqual(new Set([200]));
  expect(statements).toBe(0);
});

test("where Cloudflare counts for a whole place, an address has one limit over all isolates there", async ({
  expect,
}) => {
  const { TEST_LIMIT } = testEnv as unknown as { readonly TEST_LIMIT: PlaceLimit };
  const path = "/api/v1/openapi.json";
  const isolate = (): App =>
    createApp(makeDeps({ ...testEnv, ADDRESS_LIMIT: TEST_LIMIT, REQUESTS_PER_ADDRESS: "1000" }));
  const host = random(1)[0] ?? 0;
  const peer = `192.0.2.${host}:1`;
  let refused: Response | null = null;
  // At most six get through: three, and three more where a period ends meanwhile.
  for (let i = 0; i < 8 && refused === null; i += 1) {
    app = isolate();
    const response = await ask(path, { peer });
    refused = response.status === 429 ? response : null;
  }
  expect(refused?.headers.get("retry-after")).toBe("60");
  expect((await problemOf(refused ?? new Response())).code).toBe("rate_limited");
  expect((await ask(path, { peer: `198.51.100.${host}:1` })).status).toBe(200);
  expect((await ask("/health", { peer })).status).toBe(200);
});

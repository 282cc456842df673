/** Rows of the table of bad input on every route that they concern, generated from the list of routes. */
import { MAX_BODY_BYTES } from "@cronium/protocol/limits";
import { beforeAll, describe, test } from "vitest";
import type * as z from "zod";
import { createApp, listRules } from "../../src/http/app.ts";
import { fieldsOf, typesAt } from "./route-schemas.ts";
import {
  addWorkspace,
  claim,
  cookieOf,
  deps,
  ORIGIN,
  problemOf,
  type ProblemBody,
  refusalOf,
  registration,
  send,
  setUp,
} from "./installation.ts";

interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly params: readonly string[];
  readonly query: readonly string[];
  readonly body: z.core.$ZodType | undefined;
  readonly needsBody: boolean;
  readonly isOpen: boolean;
  readonly forPeople: boolean;
}

const app = createApp(deps);
const rules = listRules(app);
const routes: readonly Route[] = app.openAPIRegistry.definitions.flatMap((definition) => {
  if (definition.type !== "route") {
    return [];
  }
  const { method, path, request } = definition.route;
  const name = `${method.toUpperCase()} ${path}`;
  const rule = rules.get(name.replaceAll(/\{(\w+)\}/g, ":$1"));
  const media = request?.body?.content["application/json"] as { readonly schema: object } | undefined;
  return [
    {
      name,
      method: method.toUpperCase(),
      path,
      params: [...path.matchAll(/\{(\w+)\}/g)].map(([, param]) => param ?? ""),
      query: Object.keys(fieldsOf(request?.query as z.core.$ZodType | undefined)),
      body: media !== undefined && "_zod" in media.schema ? (media.schema as z.core.$ZodType) : undefined,
      needsBody: request?.body?.required === true,
      isOpen: rule?.kind === "open",
      forPeople: rule?.kind === "requires" && rule.who === "people",
    },
  ];
});
/** Device login has the errors of OAuth (RFC 6749), and ignores what it does not know. */
const isOAuth = ({ path }: Route): boolean => path.startsWith("/api/v1/device/");
const withBody = routes.filter((route) => route.body !== undefined && !isOAuth(route));
const each = (list: readonly Route[]) => list.map((route) => [route.name, route] as const);

let owner: { readonly key: string; readonly cookie: string };
/** A value for each parameter that is valid and names something that exists, or what an id of that kind looks like. */
let known: Readonly<Record<string, string>>;

beforeAll(async () => {
  await setUp();
  const workspace = await addWorkspace();
  owner = {
    key: await workspace.keyFor("owner"),
    cookie: cookieOf(await claim(workspace.claimToken, "routes@example.org")),
  };
  const make = async (path: string, body: object): Promise<Record<string, string>> =>
    (await send("POST", `/api/v1${path}`, { key: owner.key, body })).json();
  const event = await make("/events", { name: "Known", kind: "script", runtime: "bash", script: "true" });
  const run = await make(`/events/${event["id"]}/runs`, {});
  const token = await make("/registration-tokens", {});
  const runner = await make("/runner/register", registration(token["token"] ?? ""));
  const account = await make("/service-accounts", { name: "known", role: "viewer" });
  const secret = await make("/secrets", { name: "KNOWN", value: "a value of it" });
  const variable = await make("/variables", { name: "KNOWN", value: 1 });
  const schedule = await make("/schedules", {
    eventId: event["id"],
    timing: { kind: "cron", pattern: "@daily" },
  });
  const hook = await make("/endpoints", { name: "Known", targets: [] });
  known = {
    schedules: schedule["id"] ?? "",
    endpoints: (hook["endpoint"] as unknown as { readonly id: string }).id,
    deliveries: "dlv_01m7xqece7rd9cwj5ny98npjgv",
    events: event["id"] ?? "",
    runs: run["runId"] ?? "",
    runners: runner["runnerId"] ?? "",
    "service-accounts": account["id"] ?? "",
    secrets: secret["id"] ?? "",
    variables: variable["id"] ?? "",
    members: "usr_01m7xqece7rd9cwj5ny98npjgv",
    queues: "default",
    "sign-in": "github",
  };
});

/** The route's address; parameters get what is known of their kind, or `value`. */
function addressOf(route: Route, value?: string): string {
  const kind = route.path.split("/")[3] ?? "";
  return route.path.replaceAll(/\{\w+\}/g, value ?? known[kind] ?? "run_01m7xqece7rd9cwj5ny98npjgv");
}

function ask(route: Route, address: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const who = route.forPeople ? { cookie: owner.cookie } : { key: owner.key };
  return send(route.method, address, {
    ...(route.isOpen ? {} : who),
    ...(body === undefined ? {} : { body }),
    headers: { origin: ORIGIN, ...headers },
  });
}

describe("bodies", () => {
  const deepKey = `{"a":[{"b":{"constructor":{"prototype":1}}}]}`;
  const cases: readonly [string, unknown, string, Record<string, string>?][] = [
    ["B1 another charset", "{}", "415 unsupported_media_type", { "content-type": "application/json; charset=utf-16" }],
    ["B1 a form", "a=1", "415 unsupported_media_type", { "content-type": "multipart/form-data; boundary=x" }],
    ["B2 a byte order mark", "\ufeff{}", "400 invalid_json"],
    ["B2 trailing data", "{} {}", "400 invalid_json"],
    ["B2 a lone surrogate", '{"a":"\\udc00"}', "400 invalid_json"],
    ["B2 bytes that are no UTF-8", new Uint8Array([0x22, 0xc3, 0x28, 0x22]), "400 invalid_json"],
    ["B3 more values than are read", `[${"0,".repeat(200_000)}0]`, "400 too_deep"],
    ["B3 a gzip bomb", "x", "415 unsupported_media_type", { "content-encoding": "gzip" }],
    ["B4 a key twice", '{"a":{"b":1,"\\u0062":2}}', "400 duplicate_key"],
    ["B6 a forbidden key in the depth", deepKey, "422 forbidden_key"],
    ["B7 NaN", '{"a":NaN}', "400 invalid_json"],
    ["B7 1e999", '{"a":1e999}', "422 out_of_range"],
    ["B7 2^53+1", '{"a":9007199254740993}', "422 out_of_range"],
    ["B7 -0", '{"a":-0}', "422 out_of_range"],
  ];
  test.for(cases)("%s is refused on every route that reads a body", async ([, body, refusal, headers], { expect }) => {
    for (const route of withBody) {
      // Forms are what OAuth clients send; elsewhere they are another type.
      expect(await refusalOf(await ask(route, addressOf(route), body, headers)), route.name).toBe(refusal);
    }
    expect(withBody.length).toBeGreaterThan(30);
  });

  test("B1 no body at all is said to be missing wherever one is needed", async ({ expect }) => {
    for (const route of withBody.filter(({ needsBody }) => needsBody)) {
      const problems = [await ask(route, addressOf(route)), await ask(route, addressOf(route), "")];
      for (const response of problems) {
        expect(await refusalOf(response), route.name).toBe("400 body_required");
      }
    }
  });

  test("B3 50 MB are refused before they are read, and so is what says nothing of its size", async ({ expect }) => {
    const stored = withBody.filter(({ isOpen }) => !isOpen).slice(0, 3);
    for (const route of stored) {
      let pulled = 0;
      const endless = new ReadableStream({
        pull(controller) {
          pulled += 65_536;
          controller.enqueue(new Uint8Array(65_536).fill(0x20));
          if (pulled >= 52_428_800) {
            controller.close();
          }
        },
      });
      expect(await refusalOf(await ask(route, addressOf(route), endless)), route.name).toBe("413 body_too_large");
      expect(pulled).toBeLessThan(MAX_BODY_BYTES * 3);
    }
  });

  test.for(each(withBody))("B5 %s names every field that it does not know", async ([, route], { expect }) => {
    const body = { uid: 0, workspace_id: "ws_x", isAdmin: true, "": 1, " name": "x" };
    const { status, errors } = await problemOf(await ask(route, addressOf(route), body));
    const unknown = errors.filter(({ code }) => code === "unknown_field").map(({ pointer }) => pointer);
    expect(status).toBe(422);
    expect(unknown).toEqual(expect.arrayContaining(["/uid", "/workspace_id", "/isAdmin", "/", "/ name"]));
  });

  test.for(each(withBody))("B7 %s refuses each field of another type by name", async ([, route], { expect }) => {
    let tried = 0;
    for (const [field, schema] of Object.entries(fieldsOf(route.body))) {
      const types = typesAt(schema);
      const wrong = [1.5, "1", true, [[]], { a: { b: 1 } }].filter((value) => !types.has(kindOf(value)));
      if (types.has("any")) {
        continue;
      }
      for (const value of wrong) {
        tried += 1;
        const response = await ask(route, addressOf(route), { [field]: value });
        const problem = await problemOf(response);
        const named = problem.errors.filter(
          ({ pointer }) => pointer === `/${field}` || pointer.startsWith(`/${field}/`),
        );
        const what = `${field} as ${JSON.stringify(value)}`;
        expect([problem.status, named.length > 0], what).toEqual([422, true]);
      }
    }
    expect(tried > 0 || Object.keys(fieldsOf(route.body)).length === 0 || onlyAny(route)).toBe(true);
  });

  const withNumbers = withBody.filter((route) =>
    Object.values(fieldsOf(route.body)).some((schema) => typesAt(schema).bounds !== null),
  );
  test("B14 concerns the events, triggers and settings at least", ({ expect }) => {
    expect(withNumbers.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "POST /api/v1/events",
        "PATCH /api/v1/events/{id}",
        "POST /api/v1/runs",
        "PATCH /api/v1/settings",
      ]),
    );
  });

  test.for(each(withNumbers))("B14 %s says the allowed range of each number", async ([, route], { expect }) => {
    for (const [field, schema] of Object.entries(fieldsOf(route.body))) {
      const bounds = typesAt(schema).bounds;
      if (bounds === null) {
        continue;
      }
      for (const value of ["5 minutes", bounds.minimum - 1, bounds.maximum + 1, bounds.minimum + 0.5]) {
        if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
          continue;
        }
        const { errors } = await problemOf(await ask(route, addressOf(route), { [field]: value }));
        const found = errors.find(({ pointer }) => pointer === `/${field}`);
        expect(["out_of_range", "invalid_type"], `${field} as ${value}`).toContain(found?.code);
        expect(found?.message, `${field} as ${value}`).toContain(`allowed are ${bounds.minimum} to ${bounds.maximum}`);
      }
    }
  });
});

describe("addresses", () => {
  const withParams = routes.filter(({ params }) => params.length > 0);
  const ids = [
    "x",
    "evt_",
    "..%2fx",
    "%2e%2e%2fx",
    "%252F",
    "a%00b",
    "%00",
    "y".repeat(10_000),
    "ev%F0%9F%98%80",
    "1;x",
  ];

  test.for(each(withParams))("B8 %s refuses ids that are none", async ([, route], { expect }) => {
    // Queues are called by name, which the first two could be; sessions and passkeys have ids of no form of our own,
    // and an address of webhooks is there or is not.
    for (const id of route.params.includes("name") ? ids.slice(2) : ids) {
      const response = await ask(route, addressOf(route, id), route.body === undefined ? undefined : {});
      const refusals = [
        "400 invalid_id",
        ...(/\/(?:sessions|passkeys|hooks)\//.test(route.path) ? ["404 not_found"] : []),
      ];
      expect(refusals, id.slice(0, 20)).toContain(await refusalOf(response));
    }
  });

  // A list that fits one page has given out no cursor.
  const lists = routes.filter(({ method, isOpen }) => method === "GET" && !isOpen);
  test.for(each(lists))("B39 %s refuses forged cursors and limits", async ([, route], { expect }) => {
    const upgrade: Record<string, string> = route.path.endsWith("/live") ? { upgrade: "websocket" } : {};
    const get = async (query: string): Promise<string> =>
      refusalOf(await ask(route, `${addressOf(route)}?${query}`, undefined, upgrade));
    for (const limit of route.query.includes("limit")
      ? ["0", "-1", "1000000000", "ten", "", "1.5", "0x10", "NaN"]
      : []) {
      expect(await get(`limit=${limit}`), limit).toBe("400 invalid_limit");
    }
    const forged = ["x", "forged", "WzEsMl0", "%00", "x".repeat(600), "bnVsbA", "eyJhdCI6MX0", "-1:0", "1:1e9"];
    for (const cursor of forged) {
      expect(await get(`cursor=${cursor}`), cursor).toBe("400 invalid_cursor");
    }
  });

  const reads = routes.filter(({ method, isOpen }) => method === "GET" && !isOpen);
  test("B39 an order that does not exist, and a filter that is none, are refused on every address that is read", async ({
    expect,
  }) => {
    for (const route of reads) {
      for (const name of ["sort", "order", "sort_by"]) {
        const response = await ask(route, `${addressOf(route)}?${name}=secret`);
        expect(await refusalOf(response), route.name).toBe("400 invalid_sort");
      }
      const unknown = await problemOf(await ask(route, `${addressOf(route)}?limt=10`));
      expect([unknown.code, unknown.errors[0]?.pointer], route.name).toEqual(["unknown_field", "query.limt"]);
    }
    expect(reads.length).toBeGreaterThan(20);
  });

  test("B39 SQL in a filter finds nothing, and breaks nothing", async ({ expect }) => {
    const sql = encodeURIComponent(`'; DROP TABLE runs; -- " OR 1=1 UNION SELECT * FROM secrets`);
    for (const route of reads) {
      for (const name of route.query) {
        const response = await ask(route, `${addressOf(route)}?${name}=${sql}`);
        const text = response.status === 101 ? "" : await response.text();
        expect(response.status, `${route.name} ${name}`).toBeLessThan(500);
        expect(text, `${route.name} ${name}`).not.toMatch(/SQLITE|syntax error|no such/i);
        const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
        if (response.status === 200 && isJson && "items" in (JSON.parse(text) as object)) {
          expect((JSON.parse(text) as { items: unknown[] }).items, `${route.name} ${name}`).toEqual([]);
        }
      }
    }
    expect((await send("GET", "/api/v1/runs", { key: owner.key })).status).toBe(200);
  });
});

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "array" : typeof value === "object" ? "object" : typeof value;
}

function onlyAny(route: Route): boolean {
  return Object.values(fieldsOf(route.body)).every((schema) => typesAt(schema).has("any"));
}

export type { ProblemBody };

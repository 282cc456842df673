/** B9 in every text of every body, found in the contract: each gets its share of the list, all together the whole of it. */
import { beforeAll, describe, test } from "vitest";
import type * as z from "zod";
import { createApp, listRules } from "../../src/http/app.ts";
import { deps, ORIGIN, problemOf, registration, send, setUp, testEnv } from "./installation.ts";
import { put, take, textFields, type TextField } from "./text-fields.ts";
import { member, owner } from "./people.ts";

const naughty = JSON.parse((testEnv as unknown as { readonly NAUGHTY_STRINGS: string }).NAUGHTY_STRINGS) as string[];
/** A field gets every so-manyth string, beginning at another place than the one before. */
const EVERY = 40;

interface Case {
  /** A body that is accepted; `n` tells requests apart. */
  readonly body: (n: number) => object | Promise<object>;
  /** Where the path has a parameter. */
  readonly path?: () => string;
  /** What another request finds of it; the answer itself by default. */
  readonly found?: (answer: Answer) => Promise<unknown>;
  /** Fields that nothing shows again, by `/`-joined steps. */
  readonly unseen?: readonly string[];
  /** Strings for each field, where the route is limited in rate. */
  readonly most?: number;
}
type Answer = Readonly<Record<string, string>>;

let ada: Awaited<ReturnType<typeof owner>>;
let known: Readonly<Record<string, string>>;
const get = async (path: string): Promise<unknown> => (await ada.ask("GET", path)).json();
const made = async (path: string, body: object): Promise<Answer> => (await ada.ask("POST", path, body)).json<Answer>();

const daily = { timing: { kind: "cron", pattern: "@daily" } };
const script = { kind: "script", runtime: "bash", script: "true" };
const stored = async ({ runId, id }: Answer): Promise<unknown> => get(`/runs/${runId ?? id}`);
/** What a person writes, and others read. */
const cases: Readonly<Record<string, Case>> = {
  "POST /api/v1/events": {
    body: (n) => ({ ...script, name: `Event ${n}` }),
    found: async ({ id }) => get(`/events/${id}`),
  },
  "PATCH /api/v1/events/{id}": {
    body: async () => ({ version: ((await get(`/events/${known["event"]}`)) as { version: number }).version }),
    path: () => `/events/${known["event"]}`,
    found: async ({ id }) => get(`/events/${id}`),
  },
  "POST /api/v1/events/{id}/runs": {
    body: () => ({}),
    path: () => `/events/${known["event"]}/runs`,
    found: stored,
  },
  "POST /api/v1/events/{id}/runs/batch": {
    body: (n) => ({ runs: [{ input: n }] }),
    path: () => `/events/${known["event"]}/runs/batch`,
    found: async (answer) => {
      const [item] = (answer as unknown as { items: { runId: string }[] }).items;
      return { runs: [await get(`/runs/${item?.runId}`)] };
    },
    unseen: ["runs/0/idempotencyKey"],
  },
  "POST /api/v1/runs": {
    body: () => ({ runtime: "bash", script: "true" }),
    found: async (answer) => {
      const run = (await stored(answer)) as { readonly eventName: string };
      return { ...run, name: run.eventName };
    },
    // What it runs goes to its runner alone.
    unseen: ["container/image", "container/packages/0", "env/{value}", "script"],
  },
  "POST /api/v1/runs/{id}/retry": { body: () => ({}), path: () => `/runs/${known["ended"]}/retry`, found: stored },
  "POST /api/v1/secrets": { body: (n) => ({ name: `SECRET_${n}`, value: "not shown" }), unseen: ["value"] },
  "PUT /api/v1/secrets/{id}": {
    body: () => ({ value: "not shown" }),
    path: () => `/secrets/${known["secret"]}`,
    unseen: ["value"],
  },
  "POST /api/v1/secrets/import": { body: () => ({ text: "A=not shown", dryRun: true }) },
  "POST /api/v1/variables": {
    body: (n) => ({ name: `VARIABLE_${n}`, value: n }),
    found: async ({ id }) => get(`/variables/${id}`),
  },
  "PUT /api/v1/variables/{id}": { body: () => ({ value: "x" }), path: () => `/variables/${known["variable"]}` },
  "POST /api/v1/schedules": {
    body: () => ({ eventId: known["event"], ...daily, blackouts: [{ from: "2030-01-01", until: "2030-01-02" }] }),
    found: async ({ id }) => get(`/schedules/${id}`),
  },
  "PATCH /api/v1/schedules/{id}": {
    body: () => ({ blackouts: [{ from: "2030-01-01", until: "2030-01-02" }] }),
    path: () => `/schedules/${known["schedule"]}`,
    found: async ({ id }) => get(`/schedules/${id}`),
  },
  "POST /api/v1/schedules/{id}/pause": {
    body: () => ({}),
    path: () => `/schedules/${known["schedule"]}/pause`,
    found: async (answer) => {
      const { pause } = answer as unknown as { pause: { message: string; until: string | null } };
      return { note: pause.message, until: pause.until };
    },
  },
  "POST /api/v1/api-keys": { body: (n) => ({ name: `key ${n}` }) },
  "POST /api/v1/service-accounts": { body: (n) => ({ name: `account ${n}`, role: "viewer" }) },
  "POST /api/v1/registration-tokens": { body: () => ({}) },
  "POST /api/v1/invitations": { body: (n) => ({ email: `guest-${n}@example.org`, role: "viewer" }) },
  "PATCH /api/v1/workspace": { body: () => ({ name: "Ours" }) },
  "POST /api/v1/queues/{name}/pause": {
    body: () => ({ note: "x" }),
    path: () => "/queues/apart/pause",
    found: async (answer) => (answer as unknown as { paused: unknown }).paused,
  },
  "POST /api/v1/runner/register": {
    body: () => registration(known["token"] ?? ""),
    found: async ({ runnerId }) => {
      const { items } = (await get("/runners?limit=200")) as { items: { id: string }[] };
      return items.find(({ id }) => id === runnerId);
    },
    most: 1,
  },
};

const rules = listRules(createApp(deps));
const routes = createApp(deps).openAPIRegistry.definitions.flatMap((definition) => {
  if (definition.type !== "route") {
    return [];
  }
  const { method, path, request } = definition.route;
  const name = `${method.toUpperCase()} ${path}`;
  const media = request?.body?.content["application/json"] as { readonly schema: object } | undefined;
  const rule = rules.get(name.replaceAll(/\{(\w+)\}/g, ":$1"));
  const fields = media !== undefined && "_zod" in media.schema ? textFields(media.schema as z.core.$ZodType) : [];
  return fields.length === 0 ? [] : [{ name, isOpen: rule?.kind === "open", fields }];
});

beforeAll(async () => {
  await setUp();
  ada = await owner();
  await member(ada, "viewer");
  const event = await made("/events", { ...script, name: "Known" });
  await made("/events", { ...script, name: "Apart", queue: "apart" });
  const run = await made(`/events/${event["id"]}/runs`, {});
  await (await ada.ask("POST", `/runs/${run["runId"]}/cancel`)).body?.cancel();
  const token = await made("/registration-tokens", { kind: "reusable", maxUses: 1_000 });
  known = {
    event: event["id"] ?? "",
    ended: run["runId"] ?? "",
    token: token["token"] ?? "",
    secret: (await made("/secrets", { name: "KNOWN", value: "not shown" }))["id"] ?? "",
    schedule: (await made("/schedules", { eventId: event["id"], ...daily }))["id"] ?? "",
    variable: (await made("/variables", { name: "KNOWN", value: "x" }))["id"] ?? "",
  };
});

/** Shares of the list that had their turn. */
const given = new Set<number>();
let asked = 0;

/** The whole list over all fields of all routes; a field keeps its share when others come and go. */
function shareOf(route: string, field: TextField): string[] {
  let hash = 0;
  for (const char of `${route} ${field.join("/")}`) {
    hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 1_000_003;
  }
  const share = hash % EVERY;
  if (field.length > 0) {
    given.add(share);
    asked += 1;
  }
  return field.length === 0 ? [] : naughty.filter((_text, i) => i % EVERY === share);
}

const ask = (name: string, path: string, body: unknown, isOpen: boolean): Promise<Response> =>
  send(name.split(" ")[0] ?? "", `/api/v1${path}`, {
    ...(isOpen ? {} : { cookie: ada.cookie }),
    headers: { origin: ORIGIN },
    body,
  });

describe("a naughty string", () => {
  const kept = routes.filter(({ name }) => name in cases);
  test.for(kept.map((route) => [route.name, route] as const))(
    "B9 in any text of %s is stored byte for byte, or refused by name",
    async ([name, { fields, isOpen }], { expect }) => {
      const one = cases[name] as Case;
      const path = one.path?.() ?? name.replace(/^\w+ \/api\/v1/, "");
      const neverSeen: string[] = [];
      let n = 0;
      for (const field of fields) {
        let accepted = 0;
        let seen = 0;
        for (const text of shareOf(name, field).slice(0, one.most)) {
          n += 1;
          const response = await ask(name, path, put(await one.body(n), field, text), isOpen);
          const what = `${field.join("/")} as ${JSON.stringify(text)}`;
          if (response.status >= 400) {
            const { status, errors, code, detail } = await problemOf(response);
            // Ids of what is not there, keys that are none, and a name that stands already.
            const isNamed = errors.length > 0 || detail.includes(`/${field[0]}`);
            const isRefusal =
              status === 422
                ? isNamed
                : [404, 409].includes(status) || ["malformed_token", "invalid_idempotency_key"].includes(code);
            expect([isRefusal, detail], what).toEqual([true, detail]);
            continue;
          }
          accepted += 1;
          const answer = await response.json<Answer>();
          const found = take(await (one.found?.(answer) ?? answer), field);
          if (found !== undefined) {
            expect(found, what).toBe(text);
            seen += 1;
          }
        }
        if (accepted > seen) {
          neverSeen.push(field.join("/"));
        }
      }
      expect(neverSeen.toSorted()).toEqual((one.unseen ?? []).toSorted());
    },
  );

  const answered = routes.filter(({ name }) => !(name in cases));
  test.for(answered.map((route) => [route.name, route] as const))(
    "B9 in any text of %s gets an answer that says what is wrong, or is no fault",
    async ([name, { fields, isOpen }], { expect }) => {
      const path = name.replace(/^\w+ \/api\/v1/, "").replaceAll(/\{\w+\}/g, "run_01m7xqece7rd9cwj5ny98npjgv");
      for (const field of fields) {
        for (const text of shareOf(name, field)) {
          const response = await ask(name, path, put({}, field, text), isOpen);
          const what = `${field.join("/")} as ${JSON.stringify(text)}`;
          expect(response.status, what).toBeLessThan(500);
          if (response.status < 400 || path.startsWith("/device/")) {
            await response.body?.cancel();
          } else {
            expect((await problemOf(response)).code, what).toMatch(/^[a-z_]+$/);
          }
        }
      }
    },
  );

  test("B9 every string of the list has had its turn, in more than a hundred fields", ({ expect }) => {
    expect(asked).toBeGreaterThan(100);
    expect(given.size).toBe(EVERY);
    expect(naughty.length).toBe(485);
  });
});

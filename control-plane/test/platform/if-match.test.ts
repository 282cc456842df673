/** B40 on every route that changes something, generated from the list of routes. */
import { beforeAll, describe, test } from "vitest";
import { createApp, listRules } from "../../src/http/app.ts";
import { deps, ORIGIN, refusalOf, send, setUp } from "./installation.ts";
import { member, owner, type Person } from "./people.ts";

let ada: Person;
let ben: Person;
const made = async (path: string, body: object): Promise<string> =>
  (await (await ada.ask("POST", path, body)).json<{ id: string }>()).id;
const script = { kind: "script", runtime: "bash", script: "true" };

interface Case {
  /** The address of something at version 1, below /api/v1. */
  readonly at: () => string | Promise<string>;
  readonly body?: (n: number) => object;
  /** What a list calls it, where the change answers nothing. */
  readonly left?: (path: string) => Promise<boolean>;
}
const listed = async (list: string, path: string): Promise<boolean> =>
  (await (await ada.ask("GET", list)).text()).includes(path.split("/").at(-1) ?? "");

async function scheduled(): Promise<string> {
  const eventId = await made("/events", { ...script, name: "Scheduled" });
  return made("/schedules", { eventId, timing: { kind: "cron", pattern: "@daily" } });
}

const cases: Readonly<Record<string, Case>> = {
  "PATCH /api/v1/events/:id": {
    at: async () => `/events/${await made("/events", { ...script, name: "Versioned" })}`,
    body: (n) => ({ name: `Changed ${n}`, version: n }),
  },
  "PUT /api/v1/secrets/:id": {
    at: async () => `/secrets/${await made("/secrets", { name: "VERSIONED", value: "first value" })}`,
    body: (n) => ({ value: `value number ${n}` }),
  },
  "PUT /api/v1/variables/:id": {
    at: async () => `/variables/${await made("/variables", { name: "SET", value: 0 })}`,
    body: (n) => ({ value: n }),
  },
  "DELETE /api/v1/variables/:id": {
    at: async () => `/variables/${await made("/variables", { name: "DELETED", value: 0 })}`,
    left: (path) => listed("/variables", path),
  },
  "PATCH /api/v1/schedules/:id": {
    at: async () => `/schedules/${await scheduled()}`,
    body: (n) => ({ name: `Changed ${n}` }),
  },
  "DELETE /api/v1/schedules/:id": {
    at: async () => `/schedules/${await scheduled()}`,
    left: (path) => listed("/schedules", path),
  },
  "PATCH /api/v1/settings": { at: () => "/settings", body: (n) => ({ retentionDays: 30 + n }) },
  "PATCH /api/v1/members/:userId": {
    at: () => `/members/${ben.id}`,
    body: (n) => ({ role: n === 1 ? "editor" : "operator" }),
  },
  "DELETE /api/v1/members/:userId": {
    at: async () => `/members/${(await member(ada, "viewer")).id}`,
    left: (path) => listed("/members", path),
  },
  "PATCH /api/v1/workspace": { at: () => "/workspace", body: (n) => ({ name: `Renamed ${n}` }) },
};

const changing = [...listRules(createApp(deps))].flatMap(([name, rule]) =>
  rule !== undefined && !name.startsWith("GET ") ? [[name, rule] as const] : [],
);

beforeAll(async () => {
  await setUp();
  ada = await owner();
  ben = await member(ada, "viewer");
});

const ask = (method: string, path: string, ifMatch: string, body?: object): Promise<Response> =>
  send(method, path, {
    cookie: ada.cookie,
    headers: { origin: ORIGIN, "if-match": ifMatch },
    ...(body === undefined ? {} : { body }),
  });

test("B40 every route that holds If-Match against a version is tried here", ({ expect }) => {
  const matching = changing.filter(([, rule]) => rule.kind === "requires" && rule.matches).map(([name]) => name);
  expect(matching.toSorted()).toEqual(Object.keys(cases).toSorted());
});

describe("a change", () => {
  test.for(Object.entries(cases))(
    "B40 %s is refused when it is based on another version, and done on that of now",
    async ([name, { at, body, left }], { expect }) => {
      const [method = ""] = name.split(" ");
      const path = await at();
      const change = (ifMatch: string, n: number): Promise<Response> =>
        ask(method, `/api/v1${path}`, ifMatch, body?.(n));
      expect(await refusalOf(await change('"7"', 1))).toBe("412 version_conflict");
      if (left !== undefined) {
        expect(await left(path)).toBe(true);
        expect((await change('"1"', 1)).status).toBe(204);
        expect(await left(path)).toBe(false);
        return;
      }
      const done = await change('"1"', 1);
      expect([done.status, done.headers.get("etag")]).toEqual([200, '"2"']);
      await done.body?.cancel();
      // Whoever saw version 1 is too late now.
      expect(await refusalOf(await change('"1"', 1))).toBe("412 version_conflict");
      const again = await change('"2"', 2);
      expect([again.status, again.headers.get("etag")]).toEqual([200, '"3"']);
      await again.body?.cancel();
    },
  );

  test("B40 a version that is none is refused, and * asks for nothing", async ({ expect }) => {
    for (const header of ["3", '"x"', '""', 'W/"1"', '"1", "2"', '"0"', '"-1"']) {
      const response = await ask("PATCH", "/api/v1/settings", header, { retentionDays: 30 });
      expect([header, response.status]).toEqual([header, 422]);
      await response.body?.cancel();
    }
    expect((await ask("PATCH", "/api/v1/settings", "*", { retentionDays: 30 })).status).toBe(200);
  });
});

test("B40 every other route that changes something refuses If-Match in place of passing it over", async ({
  expect,
}) => {
  const others = changing.filter(([name]) => !(name in cases));
  for (const [name] of others) {
    const [method = "", path = ""] = name.split(" ");
    const response = await ask(method, path.replaceAll(/:\w+/g, "run_01m7xqece7rd9cwj5ny98npjgv"), '"1"');
    expect(await refusalOf(response), name).toBe("422 invalid_value");
  }
  expect(others.length).toBeGreaterThan(50);
});

test("B40 of two who change one role at once, one is told so", async ({ expect }) => {
  const guest = await member(ada, "viewer");
  const answers = await Promise.all(
    ["editor", "operator"].map((role) => ask("PATCH", `/api/v1/members/${guest.id}`, '"1"', { role })),
  );
  expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(["200", "412"]);
  for (const answer of answers) {
    await answer.body?.cancel();
  }
  const members = await (await ada.ask("GET", "/members")).json<{ items: { userId: string; version: number }[] }>();
  expect(members.items.find(({ userId }) => userId === guest.id)?.version).toBe(2);
});

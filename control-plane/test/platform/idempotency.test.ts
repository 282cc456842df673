/** B38 on every route that creates, generated from the list of routes. */
import { beforeAll, describe, test } from "vitest";
import { createApp, listRules } from "../../src/http/app.ts";
import { addWorkspace, deps, ORIGIN, refusalOf, send, setUp, testEnv } from "./installation.ts";
import { age, member, owner, type Person } from "./people.ts";

interface Case {
  /** A body that creates something; `n` makes it another request. */
  readonly body?: (n: number) => object;
  /** Whoever makes a workspace is in it from then on: not for the others' stories. */
  readonly byAnother?: boolean;
  /** Where the address has a parameter, or the body does not tell requests apart. */
  readonly address?: (n: number) => string | Promise<string>;
}

let ada: Awaited<ReturnType<typeof owner>>;
let ben: Person;
let scheduleId = "";
let eventId: string;
let endpointId = "";
const made = async (path: string, body: object): Promise<Record<string, string>> =>
  await (await ada.ask("POST", path, body)).json<Record<string, string>>();
async function runOf(n: number): Promise<string> {
  const run = await made(`/events/${eventId}/runs`, { input: n });
  return `/runs/${run["runId"] ?? JSON.stringify(run)}`;
}

const daily = { timing: { kind: "cron", pattern: "@daily" } };
async function newEndpoint(n: number): Promise<string> {
  const answer = await made("/endpoints", { name: `Listens ${n}`, targets: [] });
  return (answer["endpoint"] as unknown as { readonly id: string }).id;
}

const script = { kind: "script", runtime: "bash", script: "true" };
const cases: Readonly<Record<string, Case>> = {
  "POST /api/v1/api-keys": { body: (n) => ({ name: `key ${n}` }) },
  "POST /api/v1/service-accounts": { body: (n) => ({ name: `account ${n}`, role: "viewer" }) },
  "POST /api/v1/invitations": { body: (n) => ({ email: `guest-${n}@example.org`, role: "viewer" }) },
  "POST /api/v1/registration-tokens": { body: (n) => ({ labels: { n: String(n) } }) },
  "POST /api/v1/secrets": { body: (n) => ({ name: `SECRET_${n}`, value: "a value that nobody sees" }) },
  "POST /api/v1/secrets/import": { body: (n) => ({ text: `IMPORTED_${n}=a value that nobody sees` }) },
  "POST /api/v1/variables": { body: (n) => ({ name: `VARIABLE_${n}`, value: n }) },
  "POST /api/v1/endpoints": { body: (n) => ({ name: `Endpoint ${n}`, targets: [] }) },
  "POST /api/v1/endpoints/:id/secret": {
    body: (n) => ({ keepOldMs: n }),
    address: () => `/endpoints/${endpointId}/secret`,
  },
  "POST /api/v1/endpoints/:id/address/rotate": {
    address: async (n) => `/endpoints/${await newEndpoint(n)}/address/rotate`,
  },
  "POST /api/v1/endpoints/:id/listen": { address: async (n) => `/endpoints/${await newEndpoint(n)}/listen` },
  "POST /api/v1/deliveries/replay": { body: (n) => ({ ids: [`dlv_${String(n).padStart(26, "0")}`] }) },
  "POST /api/v1/queues/:name/pause": { body: (n) => ({ note: `for ${n}` }), address: () => "/queues/default/pause" },
  "POST /api/v1/queues/:name/resume": { address: (n) => `/queues/queue-${n}/resume` },
  "POST /api/v1/queues/:name/shard": { body: (n) => ({ own: n === 1 }), address: () => "/queues/apart/shard" },
  "POST /api/v1/runs/:id/cancel": { address: async (n) => `${await runOf(n)}/cancel` },
  "POST /api/v1/schedules": { body: (n) => ({ ...daily, eventId, name: `Schedule ${n}` }) },
  "POST /api/v1/schedules/:id/pause": {
    body: (n) => ({ note: `for ${n}` }),
    address: () => `/schedules/${scheduleId}/pause`,
  },
  "POST /api/v1/schedules/:id/resume": {
    body: (n) => ({ catchUp: n === 1 ? "none" : "latest" }),
    address: () => `/schedules/${scheduleId}/resume`,
  },
  "POST /api/v1/schedules/:id/backfill": {
    body: (n) => ({ from: `2026-01-0${n}T00:00:00Z`, to: "2026-01-09T00:00:00Z" }),
    address: () => `/schedules/${scheduleId}/backfill`,
  },
  "POST /api/v1/workspaces": { body: (n) => ({ name: `Workspace ${n}` }), byAnother: true },
};
/** The handler hands the key to the Dispatcher. */
const own: Readonly<Record<string, Case>> = {
  "POST /api/v1/events": { body: (n) => ({ ...script, name: `Event ${n}` }) },
  "POST /api/v1/events/:id/runs": { body: (n) => ({ input: n }), address: () => `/events/${eventId}/runs` },
  "POST /api/v1/events/:id/runs/batch": {
    body: (n) => ({ runs: [{ input: n }] }),
    address: () => `/events/${eventId}/runs/batch`,
  },
  "POST /api/v1/runs": { body: (n) => ({ runtime: "bash", script: `echo ${n}` }) },
  "POST /api/v1/bulk": { body: (n) => ({ action: "cancel", filter: { q: `none ${n}` } }) },
};
/** What another test shows, or cannot be done twice in one story. */
const elsewhere: Readonly<Record<string, string>> = {
  "POST /api/v1/account/passkeys": "each challenge is good once: platform `passkeys`",
  "POST /api/v1/members/leave": "who has left has no way back in to ask again",
  "POST /api/v1/members/transfer-ownership": "who has given it away may not ask again",
  "POST /api/v1/workspace/deletion": "who asks again has no workspace",
  "POST /api/v1/runners/:id/release": "engine `quarantine`; needs a runner in quarantine",
  "POST /api/v1/runners/:id/pause": "engine `operating`; needs a runner that is registered",
  "POST /api/v1/runners/:id/resume": "engine `operating`; needs a runner that is registered",
  "POST /api/v1/runners/:id/drain": "engine `operating`; needs a runner that is connected",
  "POST /api/v1/bulk/:id/cancel": "a second stop answers as the first",
  "POST /api/v1/runs/:id/retry": "engine `bulk-retry`; needs a run that has ended",
  "POST /api/v1/runs/:id/requeue": "engine `requeue`; needs a dead letter",
};

const rules = [...listRules(createApp(deps))].flatMap(([name, rule]) =>
  rule?.kind === "requires" && name.startsWith("POST ") ? [[name, rule.repeats] as const] : [],
);
const entries = Object.entries({ ...cases, ...own });

beforeAll(async () => {
  await setUp();
  ada = await owner();
  ben = await member(ada, "admin");
  eventId = (await made("/events", { ...script, name: "Known" }))["id"] ?? "";
  await made("/events", { ...script, name: "Apart", queue: "apart" });
  scheduleId = (await made("/schedules", { ...daily, eventId }))["id"] ?? "";
  endpointId = await newEndpoint(0);
});

const addressOf = (name: string, { address }: Case, n: number): string | Promise<string> =>
  address?.(n) ?? name.replace("POST /api/v1", "");
const ask = (path: string, key: string, body: object | undefined, who: { cookie: string } = ada): Promise<Response> =>
  send("POST", `/api/v1${path}`, {
    cookie: who.cookie,
    headers: { origin: ORIGIN, "idempotency-key": key },
    ...(body === undefined ? {} : { body }),
  });

test("B38 every route that creates is tried here, or says where else", ({ expect }) => {
  const promising = rules.filter(([, repeats]) => repeats !== "none").map(([name]) => name);
  expect(promising.toSorted()).toEqual([...Object.keys({ ...cases, ...own, ...elsewhere })].toSorted());
  for (const [name, repeats] of rules) {
    expect(repeats === "own", name).toBe(
      name in own || name === "POST /api/v1/runs/:id/retry" || name === "POST /api/v1/runs/:id/requeue",
    );
  }
});

test("B38 what creates nothing, or answers what must not be kept, is on a list", ({ expect }) => {
  // A route belongs here only where its answer is good for one moment or one browser, or it makes nothing.
  expect(
    rules
      .filter(([, repeats]) => repeats === "none")
      .map(([name]) => name)
      .toSorted(),
  ).toEqual([
    "POST /api/v1/account/email-confirmation",
    "POST /api/v1/account/passkeys/options",
    "POST /api/v1/account/second-factor",
    "POST /api/v1/account/second-factor/confirm",
    "POST /api/v1/account/second-factor/recovery-codes",
    "POST /api/v1/deliveries/preview",
    "POST /api/v1/device/approve",
    "POST /api/v1/device/deny",
    "POST /api/v1/device/lookup",
    "POST /api/v1/endpoints/:id/address",
    "POST /api/v1/live-tickets",
    "POST /api/v1/messages/:id/link",
    "POST /api/v1/password",
    "POST /api/v1/proof",
    "POST /api/v1/schedules/preview",
    "POST /api/v1/sessions/end-others",
    "POST /api/v1/workspaces/activate",
  ]);
});

test("B38 a malformed Idempotency-Key is refused on every POST, whoever may call it", async ({ expect }) => {
  let tried = 0;
  for (const [name, rule] of listRules(createApp(deps))) {
    if (!name.startsWith("POST ")) {
      continue;
    }
    const path = name.slice("POST ".length).replaceAll(/:\w+/g, "run_01m7xqece7rd9cwj5ny98npjgv");
    for (const key of ["", "x".repeat(256), "a\u007fb", "a\tb"]) {
      const response = await send("POST", path, {
        ...(rule?.kind === "requires" ? { cookie: ada.cookie } : {}),
        headers: { origin: ORIGIN, "idempotency-key": key },
      });
      expect(await refusalOf(response), `${name} with ${JSON.stringify(key.slice(0, 9))}`).toBe(
        "400 invalid_idempotency_key",
      );
      tried += 1;
    }
  }
  expect(tried).toBeGreaterThan(200);
});

describe("a repeat", () => {
  test.for(entries)(
    "B38 %s is done once, answers the same, and refuses another request",
    async ([name, one], { expect }) => {
      const key = `of ${name}`;
      const path = await addressOf(name, one, 1);
      const who = one.byAnother === true ? await owner() : ada;
      const first = await ask(path, key, one.body?.(1), who);
      const text = await first.text();
      expect([name, first.status, text.slice(0, 300)]).toEqual([name, expect.toSatisfy(isGood), expect.anything()]);
      const again = await ask(path, key, one.body?.(1), who);
      expect([again.status, again.headers.get("etag")]).toEqual([first.status, first.headers.get("etag")]);
      if (name in own) {
        // The same id, and that it was made before.
        expect(idsIn(await again.text())).toEqual(idsIn(text));
      } else {
        expect(await again.text()).toBe(text);
        expect([first, again].map(({ headers }) => headers.get("idempotency-replayed"))).toEqual([null, "true"]);
      }
      const otherPath = await addressOf(name, one, 2);
      expect(await refusalOf(await ask(otherPath, key, one.body?.(2), who))).toBe("422 idempotency_mismatch");
      // Others have keys of their own.
      const other = await ask(otherPath, key, one.body?.(2), one.byAnother === true ? await owner() : ben);
      expect([200, 201, 202, 204, 403]).toContain(other.status);
      await other.body?.cancel();
    },
  );

  test.for(Object.entries(cases))(
    "B38 %s answers 409 while the first is under way, and is done after a minute without one",
    async ([name, one], { expect }) => {
      const key = `under way ${name}`;
      const path = await addressOf(name, one, 3);
      const who = one.byAnother === true ? await owner() : ada;
      const first = await ask(path, key, one.body?.(3), who);
      expect(first.status, await first.text()).toSatisfy(isGood);
      // As if the Worker had been stopped before it could keep its answer.
      const cutOff = (since: number): Promise<unknown> =>
        testEnv.DB.prepare(
          "UPDATE idempotency_keys SET answer = NULL, claimed_at = ? WHERE claimed_at = (SELECT max(claimed_at) FROM idempotency_keys)",
        )
          .bind(since)
          .run();
      await cutOff(Date.now());
      const waiting = await ask(path, key, one.body?.(3), who);
      expect(waiting.headers.get("retry-after")).toBe("1");
      expect(await refusalOf(waiting)).toBe("409 idempotency_in_flight");
      await cutOff(Date.now() - 61_000);
      const after = await ask(path, key, one.body?.(3), who);
      // Done again, where names keep two of one from being there.
      expect([200, 201, 202, 204, 409]).toContain(after.status);
      expect(after.headers.get("idempotency-replayed")).toBe(null);
      await after.body?.cancel();
    },
  );
});

test("B38 of many requests with one key at once, one key is made and nobody hears of a second", async ({ expect }) => {
  const body = { name: "made once" };
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask("/api-keys", "at once", body)));
  const made = answers.filter(({ status }) => status === 201);
  const keys = new Set(await Promise.all(made.map(async (one) => (await one.json<{ key: string }>()).key)));
  for (const answer of answers.filter(({ status }) => status !== 201)) {
    expect(await refusalOf(answer)).toBe("409 idempotency_in_flight");
  }
  expect(keys.size).toBe(1);
  const listed = await (await ada.ask("GET", "/api-keys")).json<{ items: { name: string }[] }>();
  expect(listed.items.filter(({ name }) => name === "made once").length).toBe(1);
});

test("B38 a refused request frees its key", async ({ expect }) => {
  const refused = await ask("/variables", "freed", { name: "no name", value: 1 });
  expect(refused.status).toBe(422);
  await refused.body?.cancel();
  expect((await ask("/variables", "freed", { name: "FREED", value: 1 })).status).toBe(201);
  expect(await refusalOf(await ask("/variables", "not freed", { name: "FREED", value: 1 }))).toBe("409 name_taken");
  expect((await ask("/variables", "not freed", { name: "FREED_2", value: 1 })).status).toBe(201);
});

test("B38 a key is forgotten after 24 hours", async ({ expect }) => {
  expect((await ask("/service-accounts", "a day", { name: "yesterday", role: "viewer" })).status).toBe(201);
  await testEnv.DB.prepare("UPDATE idempotency_keys SET claimed_at = claimed_at - 86400001").run();
  expect((await ask("/service-accounts", "a day", { name: "today", role: "viewer" })).status).toBe(201);
  const { results } = await testEnv.DB.prepare("SELECT hash FROM idempotency_keys").all();
  expect(results.length).toBe(1);
});

test("T27 what is kept shows neither keys nor tokens nor secrets, and a repeat shows them to a fresh proof alone", async ({
  expect,
}) => {
  const carol = await owner();
  const bodies: readonly [string, object][] = [
    ["/api-keys", { name: "shown" }],
    ["/registration-tokens", {}],
    ["/invitations", { email: "guest@example.org", role: "viewer" }],
    ["/secrets", { name: "SEEN_BY_NOBODY", value: "hunter2" }],
  ];
  const shown: string[] = [];
  for (const [path, body] of bodies) {
    const answer = await (await ask(path, `kept ${path}`, body, carol)).text();
    expect(answer).not.toContain("hunter2");
    shown.push(...(answer.match(/crn[a-z]_[A-Za-z0-9_.-]{40,}/g) ?? []));
    await ask(path, `kept ${path}`, body, carol).then((response) => response.body?.cancel());
  }
  expect(shown.length).toBeGreaterThan(1);
  const { results } = await testEnv.DB.prepare("SELECT * FROM idempotency_keys").all();
  expect(results.length).toBeGreaterThan(3);
  const stored = JSON.stringify(results);
  for (const secret of [...shown, "hunter2", "kept", "SEEN_BY_NOBODY"]) {
    expect(stored).not.toContain(secret);
  }
  await age(carol);
  expect(await refusalOf(await ask("/api-keys", "kept /api-keys", { name: "shown" }, carol))).toBe(
    "403 proof_required",
  );
});

test("B38 the keys of a workspace are its own", async ({ expect }) => {
  const one = await addWorkspace();
  const other = await addWorkspace();
  const create = (key: string, name: string): Promise<Response> =>
    send("POST", "/api/v1/variables", { key, headers: { "idempotency-key": "shared" }, body: { name, value: 1 } });
  expect((await create(await one.keyFor("owner"), "ONE")).status).toBe(201);
  expect((await create(await other.keyFor("owner"), "OTHER")).status).toBe(201);
});

const isGood = (status: number): boolean => status >= 200 && status < 300;
const idsIn = (text: string): string[] => text.match(/(?:evt|run|blk)_[0-9a-z]{26}/g) ?? [];

/** B51 for everything of which there may be only so many, from the list of these quotas. */
import { runInDurableObject } from "cloudflare:test";
import { beforeAll, test } from "vitest";
import { countQuotas, type CountQuotaName } from "../../src/domain/count-quota.ts";
import { dispatcherName } from "../../src/domain/dispatcher-name.ts";
import { problemOf, setUp, testEnv } from "./installation.ts";
import { owner } from "./people.ts";

type Ada = Awaited<ReturnType<typeof owner>>;

interface Case {
  readonly path: string;
  readonly body?: (n: number) => object;
  /** Where its rows are: copies of the first one, which differ in these columns. */
  readonly in: "d1" | "dispatcher";
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** Makes the first one where the route alone does not. */
  readonly first?: (ada: Ada) => Promise<unknown>;
}

const event = { kind: "script", runtime: "bash", script: "true" };
let scheduledEvent = "";
const schedule = (n: number): object => ({
  eventId: scheduledEvent,
  name: `S${n}`,
  timing: { kind: "cron", pattern: "@yearly" },
});
const cases: Readonly<Record<CountQuotaName, Case>> = {
  events: { path: "/events", body: (n) => ({ ...event, name: `E${n}` }), in: "dispatcher", tables: { events: ["id"] } },
  schedules: {
    path: "/schedules",
    body: schedule,
    in: "dispatcher",
    tables: { schedules: ["id"] },
    first: async (ada) => {
      const made = await ada.ask("POST", "/events", { ...event, name: "Scheduled" });
      scheduledEvent = (await made.json<{ id: string }>()).id;
      return ada.ask("POST", "/schedules", schedule(1));
    },
  },
  secrets: {
    path: "/secrets",
    body: (n) => ({ name: `S${n}`, value: "a value" }),
    in: "dispatcher",
    tables: { secrets: ["id", "name"] },
  },
  variables: {
    path: "/variables",
    body: (n) => ({ name: `V${n}`, value: n }),
    in: "dispatcher",
    tables: { variables: ["id", "name"] },
  },
  endpoints: {
    path: "/endpoints",
    body: (n) => ({ name: `P${n}`, targets: [] }),
    in: "dispatcher",
    tables: { endpoints: ["id"] },
  },
  "api-keys": { path: "/api-keys", body: (n) => ({ name: `K${n}` }), in: "d1", tables: { api_keys: ["id", "hash"] } },
  "service-accounts": {
    path: "/service-accounts",
    body: (n) => ({ name: `A${n}`, role: "viewer" }),
    in: "d1",
    tables: { service_accounts: ["id", "name"] },
  },
  "registration-tokens": {
    path: "/registration-tokens",
    body: () => ({}),
    in: "d1",
    tables: { registration_tokens: ["id", "hash"] },
  },
  invitations: {
    path: "/invitations",
    body: (n) => ({ email: `guest-${n}@example.org`, role: "viewer" }),
    in: "d1",
    tables: { invitations: ["id", "hash", "email"] },
  },
  workspaces: {
    path: "/workspaces",
    body: (n) => ({ name: `W${n}` }),
    in: "d1",
    // Two, because the first belongs to it from the start.
    tables: { workspaces: ["id"], members: ["workspace_id"] },
    first: () => Promise.resolve(),
  },
  passkeys: {
    path: "/account/passkeys/options",
    in: "d1",
    tables: { passkeys: ["id"] },
    first: (ada) =>
      testEnv.DB.prepare(
        `INSERT INTO passkeys (id, user_id, name, public_key, counter, transports, created_at)
         VALUES ('first', ?, 'Key', 'x', 0, '[]', 1)`,
      )
        .bind(ada.id)
        .run(),
  },
};

beforeAll(async () => {
  await setUp();
});

/** Requests at the edge, and how many of them may pass it. */
const AT_ONCE = 20;
const ROOM = 3;

/** Statement that adds `copies` of the row that `which` finds. */
function copying(table: string, columns: readonly string[], distinct: readonly string[], which: string): string {
  const values = columns.map((column) => (distinct.includes(column) ? `'copy_' || n.i` : `t.${column}`));
  return `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
    INSERT INTO ${table} (${columns.join()}) SELECT ${values.join()} FROM n, ${table} t WHERE ${which}`;
}

async function fill(ada: Ada, { in: place, tables }: Case, copies: number): Promise<void> {
  for (const [table, distinct] of Object.entries(tables)) {
    const columnsOf = `SELECT name FROM pragma_table_info('${table}')`;
    if (place === "dispatcher") {
      const stub = testEnv.DISPATCHER.get(testEnv.DISPATCHER.idFromName(dispatcherName(ada.workspaceId, 0)));
      await runInDurableObject(stub, (_, { storage: { sql } }) => {
        const columns = sql
          .exec(columnsOf)
          .toArray()
          .map((row) => row["name"] as string);
        sql.exec(copying(table, columns, distinct, `t.id = (SELECT max(id) FROM ${table})`), copies);
      });
    } else {
      const { results } = await testEnv.DB.prepare(columnsOf).all<{ name: string }>();
      const columns = results.map(({ name }) => name);
      const mine = {
        workspaces: "t.id = ?2",
        members: "t.workspace_id = ?2",
        passkeys: "t.id = 'first' AND ?2 <> ''",
      }[table];
      const newest = `t.workspace_id = ?2 AND t.id = (SELECT max(id) FROM ${table} WHERE workspace_id = ?2)`;
      await testEnv.DB.prepare(copying(table, columns, distinct, mine ?? newest))
        .bind(copies, ada.workspaceId)
        .run();
    }
  }
}

test.for(Object.entries(cases))(
  "B51 the quota of %s holds for twenty at once, and says which, how many and what makes room",
  async ([name, one], { expect }) => {
    const ada = await owner();
    const { limit, things, remedy } = countQuotas[name as CountQuotaName];
    const create = (n: number): Promise<Response> => ada.ask("POST", one.path, one.body?.(n));
    if (one.first === undefined) {
      expect((await create(1)).status).toBe(201);
    } else {
      await one.first(ada);
    }
    if (name === "passkeys") {
      // The last that has room is begun; what the browser then sends is counted again: `passkeys` has the test.
      await fill(ada, one, limit - 2);
      expect((await create(2)).status).toBe(200);
      await testEnv.DB.prepare("UPDATE passkeys SET id = 'another' WHERE id = 'copy_1'").run();
      await fill(ada, one, 1);
    } else {
      await fill(ada, one, limit - 1 - ROOM);
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => create(i + 2)));
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 201).length).toBe(ROOM);
      expect(statuses.filter((status) => status === 429).length).toBe(AT_ONCE - ROOM);
      for (const answer of answers) {
        await answer.body?.cancel();
      }
    }
    const refused = await create(AT_ONCE + 2);
    expect([refused.headers.get("ratelimit-policy"), refused.headers.get("ratelimit")]).toEqual([
      `"${name}";q=${limit}`,
      `"${name}";r=0`,
    ]);
    // Waiting makes no room, so nothing says how long to wait.
    expect(refused.headers.get("retry-after")).toBe(null);
    const { status, code, detail } = await problemOf(refused);
    expect([status, code]).toEqual([429, "quota_exceeded"]);
    expect(detail).toContain(`has ${limit} ${things}, and may have ${limit} (${name})`);
    expect(detail).toContain(remedy);
  },
);

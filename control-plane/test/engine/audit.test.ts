/** The Dispatcher's audit chain: who did what to events, runs, queues, secrets, variables and runners. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { AuditEntry, AuditVerdict, Event, Secret, Variable } from "@cronium/protocol";
import { describe, test } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import { systemStamp } from "../../src/domain/act.ts";
import { onAlarm } from "../../src/objects/dispatcher/alarm.ts";
import { cancelRunFor } from "../../src/objects/dispatcher/audited.ts";
import type { Shell } from "../../src/objects/dispatcher/shell.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { inTurn } from "../../src/objects/dispatcher/turns.ts";
import { expireAccountAudit } from "../../src/services/account-audit.ts";
import { registerFake } from "./fake-runner.ts";
import { waitForEnd } from "./bulk-story.ts";
import { makePlane, type Plane } from "./plane.ts";

const VALUE = "pl4nted-Wert-2b7c";
const DAY_MS = 86_400_000;
const testEnv = env as unknown as Env;

async function entries(plane: Plane, query = ""): Promise<AuditEntry[]> {
  return (await plane.expectJson<{ items: AuditEntry[] }>(200, "GET", `/audit?limit=200${query}`)).items;
}

async function exported(plane: Plane, query = ""): Promise<AuditEntry[]> {
  const response = await plane.call("GET", `/audit/export${query}`);
  const lines = new TextDecoder().decode(await response.arrayBuffer()).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as AuditEntry);
}

const verify = (plane: Plane): Promise<AuditVerdict> => plane.expectJson(200, "GET", "/audit/verify");

function inObject<T>(plane: Plane, work: (shell: Shell) => T, nowMs?: number): Promise<T> {
  const deps = makeDeps(testEnv);
  return runInDurableObject(plane.dispatcherStub, (_, state) =>
    work(openShell(state, nowMs === undefined ? deps : { ...deps, clock: { now: () => nowMs } })),
  );
}

describe("what is written down", () => {
  test("T26 every act on events, runs, queues, settings, secrets, variables and runners has its entry", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const secret = await plane.expectJson<Secret>(201, "POST", "/secrets", { name: "TOKEN", value: VALUE });
    await plane.expectJson(200, "PUT", `/secrets/${secret.id}`, { value: `${VALUE}2` });
    await plane.expectJson(200, "PUT", `/secrets/${secret.id}`, { description: "of the shop" });
    const imported = { text: `TOKEN=${VALUE}\nOTHER=${VALUE}` };
    await plane.expectJson(200, "POST", "/secrets/import", { ...imported, preview: true });
    await plane.expectJson(200, "POST", "/secrets/import", imported);
    await plane.call("DELETE", `/secrets/${secret.id}`);
    const variable = await plane.expectJson<Variable>(201, "POST", "/variables", { name: "REGION", value: "eu" });
    await plane.expectJson(200, "PUT", `/variables/${variable.id}`, { value: "us" });
    await plane.call("DELETE", `/variables/${variable.id}`);
    const event = await plane.expectJson<Event>(201, "POST", "/events", { name: "E", runtime: "bash", script: "true" });
    await plane.expectJson(200, "PATCH", `/events/${event.id}`, { version: 1, script: "false", queue: "slow" });
    await plane.expectJson(200, "POST", "/queues/slow/pause", { note: "repairs" });
    await plane.expectJson(200, "POST", "/queues/slow/resume");
    await plane.expectJson(200, "PATCH", "/settings", { concurrency: 3 });
    const { runId } = await plane.expectJson<{ runId: string }>(202, "POST", `/events/${event.id}/runs`, {});
    await plane.expectJson(200, "PATCH", `/runs/${runId}`, { priority: 5 });
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    const again = await plane.expectJson<{ runId: string }>(202, "POST", `/runs/${runId}/retry`, {});
    const bulk = { action: "cancel", filter: { eventId: event.id } };
    const { bulkId } = await plane.expectJson<{ bulkId: string }>(202, "POST", "/bulk", bulk);
    await waitForEnd(plane, bulkId);
    const runner = await registerFake(plane, { name: "shed" });

    const all = (await entries(plane)).toReversed();
    expect(all.map(({ verb, target }) => [verb, target])).toEqual([
      ["secret.created", secret.id],
      ["secret.changed", secret.id],
      ["secret.described", secret.id],
      ["secret.changed", secret.id],
      ["secret.created", expect.stringMatching(/^sec_/)],
      ["secret.deleted", secret.id],
      ["variable.created", variable.id],
      ["variable.changed", variable.id],
      ["variable.deleted", variable.id],
      ["event.created", event.id],
      ["event.changed", event.id],
      ["queue.paused", "slow"],
      ["queue.resumed", "slow"],
      ["settings.changed", plane.workspaceId],
      ["run.changed", runId],
      ["run.cancelled", runId],
      ["run.retried", runId],
      ["bulk.started", bulkId],
      ["bulk.ended", bulkId],
      ["runner.registered", runner.runnerId],
    ]);
    const of = (verb: string): AuditEntry[] => all.filter((entry) => entry.verb === verb);
    expect(of("variable.changed")[0]).toMatchObject({
      actor: { kind: "api_key" },
      before: { name: "REGION", value: "eu", version: 1 },
      after: { name: "REGION", value: "us", version: 2 },
      requestId: expect.stringMatching(/./),
    });
    expect(of("event.changed")[0]).toMatchObject({
      before: { script: "true", queue: "default", version: 1 },
      after: { script: "false", queue: "slow", version: 2 },
    });
    expect(of("queue.paused")[0]).toMatchObject({ before: null, after: "repairs" });
    expect(of("settings.changed")[0]).toMatchObject({ before: { concurrency: null }, after: { concurrency: 3 } });
    expect(of("run.cancelled")[0]).toMatchObject({ before: "queued", after: "cancelled" });
    expect(of("run.retried")[0]).toMatchObject({ after: { runId: again.runId } });
    expect(of("bulk.started")[0]).toMatchObject({ after: { action: "cancel", filter: { eventId: event.id } } });
    expect(of("bulk.ended")[0]).toMatchObject({
      actor: { kind: "api_key" },
      after: { action: "cancel", state: "finished", matched: 1, done: 1, failed: 0 },
    });
    expect(of("runner.registered")[0]).toMatchObject({ actor: { kind: "system", id: "registration" } });
    expect(await verify(plane)).toMatchObject({ isIntact: true, entries: all.length, brokenAt: null });
  });

  test("T26 a secret is in it as a keyed fingerprint, which tells a change from a repeat, and never in clear", async ({
    expect,
  }) => {
    const [plane, other] = [await makePlane(), await makePlane()];
    const body = { name: "TOKEN", value: VALUE };
    const { id } = await plane.expectJson<Secret>(201, "POST", "/secrets", body);
    await plane.expectJson(200, "PUT", `/secrets/${id}`, { value: VALUE });
    await plane.expectJson(200, "PUT", `/secrets/${id}`, { value: `${VALUE}2` });
    const theirs = await other.expectJson<Secret>(201, "POST", "/secrets", body);
    const print = (entry: AuditEntry | undefined, side: "before" | "after"): string | undefined =>
      (entry?.[side] as { value: string } | undefined)?.value;
    const [changed, repeated, created] = await entries(plane);
    expect(print(created, "after")).toMatch(/^hmac:[0-9a-f]{12}:[0-9a-f]{16}$/);
    expect([print(repeated, "before"), print(repeated, "after")]).toEqual(Array(2).fill(print(created, "after")));
    expect(print(changed, "after")).not.toBe(print(changed, "before"));
    const [foreign] = await entries(other, `&target=${theirs.id}`);
    expect(print(foreign, "after")).not.toBe(print(created, "after"));
    expect(JSON.stringify([await entries(plane), await exported(plane)])).not.toContain(VALUE);
  });

  test("what was refused, repeated or changed nothing is not written down", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger();
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    await plane.expectJson(200, "POST", "/queues/default/resume");
    await plane.expectJson(200, "PATCH", "/settings", { concurrency: null });
    await plane.call("POST", "/runs/run_01jd3n5zq8v6w7x9y0abcdefgk/cancel");
    const event = { name: "E", runtime: "bash", script: "true" };
    const headers = { "idempotency-key": "once" };
    await plane.expectJson(201, "POST", "/events", event, headers);
    await plane.expectJson(201, "POST", "/events", event, headers);
    expect((await entries(plane)).map(({ verb }) => verb)).toEqual(["event.created", "run.cancelled"]);
  });

  test("I20 an act and its entry are one commit: a fault after either leaves neither", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger();
    await inObject(plane, (shell) => {
      expect(() =>
        inTurn(shell, (turn) => {
          expect(cancelRunFor(shell, turn, { runId, by: systemStamp("test") }).ok).toBe(true);
          throw new Error("a fault behind the act and its entry");
        }),
      ).toThrow(/a fault behind/);
      // The entry cannot be written: the act is undone with it.
      shell.sql.exec("ALTER TABLE audit RENAME TO audit_away");
      expect(() => inTurn(shell, (turn) => cancelRunFor(shell, turn, { runId, by: systemStamp("test") }))).toThrow(
        /no such table/,
      );
      shell.sql.exec("ALTER TABLE audit_away RENAME TO audit");
    });
    expect(await entries(plane)).toEqual([]);
    expect(await plane.run(runId)).toMatchObject({ state: "queued" });
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    expect((await entries(plane)).map(({ verb }) => verb)).toEqual(["run.cancelled"]);
  });
});

describe("the chain", () => {
  async function withSome(plane: Plane, count: number): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      await plane.expectJson(200, "PATCH", "/settings", { concurrency: at + 1 });
    }
  }

  test("T26 an entry that is changed, removed, moved or added by hand is found", async ({ expect }) => {
    const tampered: readonly [string, number][] = [
      [`UPDATE audit SET entry = replace(entry, '"concurrency":3', '"concurrency":9') WHERE seq = 3`, 3],
      ["DELETE FROM audit WHERE seq = 2", 2],
      ["DELETE FROM audit WHERE seq = 1", 1],
      ["DELETE FROM audit WHERE seq <= 2", 1],
      ["UPDATE audit SET seq = seq + 10 WHERE seq = 4", 4],
      ["UPDATE audit SET hash = previous_hash WHERE seq = 4", 4],
      ["INSERT INTO audit SELECT 5, at, entry, previous_hash, hash FROM audit WHERE seq = 4", 5],
    ];
    for (const [statement, brokenAt] of tampered) {
      const plane = await makePlane();
      await withSome(plane, 4);
      expect(await verify(plane)).toMatchObject({ isIntact: true, entries: 4 });
      await inObject(plane, (shell) => shell.sql.exec(statement));
      const verdict = await verify(plane);
      expect(verdict, statement).toMatchObject({ isIntact: false, brokenAt });
      expect(verdict.message).toContain('"dispatcher"');
      expect(verdict.chains.map(({ chain, isIntact }) => [chain, isIntact])).toEqual([
        ["accounts", true],
        ["dispatcher", false],
      ]);
    }
  });

  test("T26 entries of one workspace prove nothing in another's chain", async ({ expect }) => {
    const [plane, other] = [await makePlane(), await makePlane()];
    await withSome(plane, 2);
    const rows = await inObject(plane, (shell) => [...shell.sql.exec("SELECT * FROM audit").raw()]);
    await inObject(other, (shell) => {
      for (const row of rows) {
        shell.sql.exec("INSERT INTO audit VALUES (?, ?, ?, ?, ?)", ...row);
      }
    });
    expect(await verify(other)).toMatchObject({ isIntact: false, brokenAt: 1 });
  });

  test("entries older than their retention go, and what is left still proves itself", async ({ expect }) => {
    const plane = await makePlane();
    const deps = makeDeps(testEnv);
    await withSome(plane, 3);
    await plane.expectJson(201, "POST", "/api-keys", { name: "k" });
    const later = Date.now() + 366 * DAY_MS;
    await inObject(plane, onAlarm, later);
    const accounts = { ...deps, clock: { now: () => later } };
    expect(await expireAccountAudit(accounts, plane.workspaceId, later - 365 * DAY_MS)).toBe(true);
    expect(await expireAccountAudit(accounts, plane.workspaceId, later - 365 * DAY_MS)).toBe(false);
    const left = await entries(plane);
    expect(left.map(({ verb, chain }) => `${verb} ${chain}`).toSorted()).toEqual([
      "audit.expired accounts",
      "audit.expired dispatcher",
    ]);
    expect(left.find(({ chain }) => chain === "dispatcher")).toMatchObject({
      seq: 4,
      actor: { kind: "system", id: "retention" },
      before: { seq: 3, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    await plane.expectJson(200, "PATCH", "/settings", { concurrency: 77 });
    expect(await verify(plane)).toMatchObject({ isIntact: true, entries: 3 });
    // Notes of clearings alone are no reason for another one.
    await inObject(plane, (shell) => shell.sql.exec("DELETE FROM audit WHERE seq = 5"));
    await inObject(plane, onAlarm, later + 400 * DAY_MS);
    expect((await entries(plane)).filter(({ chain }) => chain === "dispatcher")).toHaveLength(1);
    await inObject(plane, (shell) =>
      shell.sql.exec(`UPDATE audit SET entry = replace(entry, '"seq":3', '"seq":2') WHERE seq = 4`),
    );
    expect(await verify(plane)).toMatchObject({ isIntact: false });
  });
});

describe("both chains as one list", () => {
  test("pages go through all entries once, newest first, and the export holds them oldest first", async ({
    expect,
  }) => {
    const plane = await makePlane();
    for (let at = 0; at < 5; at += 1) {
      await plane.expectJson(201, "POST", "/api-keys", { name: `k${at}` });
      await plane.expectJson(200, "PATCH", "/settings", { concurrency: at + 1 });
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page: { items: AuditEntry[]; nextCursor: string | null } = await plane.expectJson(
        200,
        "GET",
        `/audit?limit=3${more}`,
      );
      seen.push(...page.items.map(({ chain, seq }) => `${chain} ${seq}`));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(new Set(seen).size).toBe(10);
    expect(seen).toHaveLength(10);
    for (const chain of ["accounts", "dispatcher"]) {
      expect(seen.filter((text) => text.startsWith(chain))).toEqual([5, 4, 3, 2, 1].map((seq) => `${chain} ${seq}`));
    }
    const lines = await exported(plane);
    expect(lines.map(({ chain, seq }) => `${chain} ${seq}`).toSorted()).toEqual(seen.toSorted());
    expect(lines.map(({ at }) => at)).toEqual(lines.map(({ at }) => at).toSorted());
  });

  test("filters hold for the list and the export alike", async ({ expect }) => {
    const plane = await makePlane();
    const { id } = await plane.expectJson<Secret>(201, "POST", "/secrets", { name: "A", value: VALUE });
    await plane.call("DELETE", `/secrets/${id}`);
    await plane.expectJson(201, "POST", "/api-keys", { name: "k" });
    await plane.expectJson(200, "PATCH", "/settings", { concurrency: 1 });
    const [newest] = await entries(plane);
    for (const [query, verbs] of [
      ["verb=secret.", ["secret.deleted", "secret.created"]],
      ["verb=secret.created", ["secret.created"]],
      ["verb=secret", []],
      [`target=${id}`, ["secret.deleted", "secret.created"]],
      [`actor=${newest?.actor.id}&verb=settings.`, ["settings.changed"]],
      ["actor=nobody", []],
      [`from=${new Date(Date.now() + DAY_MS).toISOString()}`, []],
      [`to=${new Date(Date.now() - DAY_MS).toISOString()}`, []],
    ] as const) {
      expect(
        (await entries(plane, `&${query}`)).map(({ verb }) => verb),
        query,
      ).toEqual(verbs);
      expect((await exported(plane, `?${query}`)).map(({ verb }) => verb).toReversed(), query).toEqual(verbs);
    }
  });

  test("a queue's shard has a chain of its own in it", async ({ expect }) => {
    const plane = await makePlane();
    await plane.expectJson(200, "POST", "/queues/busy/shard", { own: true });
    const runId = await plane.trigger({ queue: "busy" } as object);
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    expect((await entries(plane)).map(({ verb, chain }) => [verb, chain])).toEqual([
      ["run.cancelled", "dispatcher/1"],
      ["queue.shard_given", "dispatcher"],
    ]);
    const { chains } = await verify(plane);
    expect(chains.map(({ chain, entries: count }) => [chain, count])).toEqual([
      ["accounts", 0],
      ["dispatcher", 1],
      ["dispatcher/1", 1],
    ]);
  });

  test("T10 another workspace's entries are in no list, export or verdict", async ({ expect }) => {
    const [plane, other] = [await makePlane(), await makePlane()];
    await plane.expectJson(201, "POST", "/secrets", { name: "MINE", value: VALUE });
    expect(await entries(other)).toEqual([]);
    expect(await exported(other)).toEqual([]);
    expect(await verify(other)).toMatchObject({ entries: 0, isIntact: true });
  });
});

/** Endpoints as they are changed, tried and looked at, and deliveries as they are kept. */
import type { Delivery, DeliveryDetail, Endpoint, EndpointWithSecret, ReplayedDeliveries } from "@cronium/protocol";
import { env } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import { hashToken } from "../../src/auth/token-hash.ts";
import { putEndpointRoute } from "../../src/store/endpoint-routes.ts";
import { closeAll } from "./fake-runner.ts";
import { makePlane, waitFor } from "./plane.ts";
import { createEvent } from "./queue-story.ts";
import { createHook, deliveriesOf, post, runsOf, send, type List } from "./webhook-story.ts";

afterEach(closeAll);

describe("an endpoint", () => {
  test("takes either of two secrets for as long as was asked, and is in the audit without them", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const hook = await createHook(plane, [{ eventId: event }]);
    const { id } = hook.endpoint;
    const rotated = await plane.expectJson<EndpointWithSecret>(200, "POST", `/endpoints/${id}/secret`, {});
    const next = { ...hook, secret: rotated.secret ?? "" };
    expect([(await send(hook, {})).status, (await send(next, {})).status]).toEqual([202, 202]);
    await plane.expectJson(200, "POST", `/endpoints/${id}/secret`, { keepOldMs: 0 });
    expect([(await send(hook, {})).status, (await send(next, {})).status]).toEqual([401, 401]);
    const audit = JSON.stringify(await plane.expectJson(200, "GET", "/audit?verb=endpoint."));
    expect(audit).toContain("endpoint.secret_rotated");
    expect(audit).toContain("endpoint.created");
    expect(audit).not.toContain(hook.secret.slice(6));
    const stored = await runInDurableObject(plane.dispatcherStub, (_, { storage }) =>
      JSON.stringify(storage.sql.exec("SELECT * FROM endpoint_secrets").toArray()),
    );
    expect(stored).not.toContain(hook.secret.slice(6));
  });

  test("T12: whose address is its secret shows it once, and again only to who may write, which the audit knows", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const { endpoint } = await createHook(plane, [], { verification: { kind: "none" } });
    const token = endpoint.path.replace("/hooks/", "");
    expect(token).toMatch(/^[0-9a-f]{40}$/);
    const at = `/endpoints/${endpoint.id}`;
    const seen = [
      await plane.expectJson(200, "GET", at),
      await plane.expectJson(200, "GET", "/endpoints"),
      await plane.expectJson(200, "PATCH", at, { version: 1, name: "Renamed" }),
      await plane.expectJson(200, "POST", `${at}/listen`),
    ];
    expect(JSON.stringify(seen)).not.toContain(token);
    const stored = () =>
      runInDurableObject(plane.dispatcherStub, (_, { storage }) =>
        JSON.stringify(
          ["endpoints", "endpoint_secrets"].map((table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray()),
        ),
      );
    expect(await stored()).not.toContain(token);
    expect(await plane.expectJson(200, "POST", `${at}/address`)).toEqual({ path: endpoint.path });
    const audit = JSON.stringify(await plane.expectJson(200, "GET", "/audit?verb=endpoint."));
    expect(audit).toContain("endpoint.address_shown");
    expect(audit).not.toContain(token);
    expect((await post(endpoint.path, "{}")).status).toBe(202);

    // As it lay before addresses were encrypted.
    await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
      storage.sql.exec("UPDATE endpoints SET token = ?", token);
      storage.sql.exec("DELETE FROM endpoint_secrets WHERE slot = 'address'");
    });
    await evictDurableObject(plane.dispatcherStub);
    expect(await plane.expectJson(200, "POST", `${at}/address`)).toEqual({ path: endpoint.path });
    expect(await stored()).not.toContain(token);
    expect((await plane.call("DELETE", at)).status).toBe(204);
    expect((await post(endpoint.path, "{}")).status).toBe(404);
  });

  test.for(["none", "bearer"] as const)(
    "T12: of the kind %s gets another address, and the one before leads nowhere",
    async (kind, { expect }) => {
      const plane = await makePlane();
      const eventId = await createEvent(plane);
      const { endpoint, secret } = await createHook(plane, [{ eventId }], {
        verification: { kind },
        dedupe: { by: "none" },
      });
      const at = `/endpoints/${endpoint.id}`;
      const knock = async (path: string) => (await post(path, "{}", { authorization: `Bearer ${secret}` })).status;
      // It is remembered by its address when that is replaced.
      expect(await knock(endpoint.path)).toBe(202);
      const token = "f".repeat(40);
      const hash = await hashToken(token);
      const { workspaceId } = plane;
      const rotated = await plane.expectJson<Endpoint>(200, "POST", `${at}/address/rotate`);
      expect(rotated).toMatchObject({
        id: endpoint.id,
        version: 2,
        path: expect.stringMatching(/^\/hooks\/[0-9a-f]{40}$/),
      });
      expect(rotated.path).not.toBe(endpoint.path);
      expect([await knock(endpoint.path), await knock(rotated.path ?? "")]).toEqual([404, 202]);
      expect(await plane.expectJson(200, "POST", `${at}/address`)).toEqual({ path: rotated.path });
      // A row of D1 that outlived the address opens nothing.
      await putEndpointRoute((env as unknown as Env).DB, { hash, workspaceId, endpointId: endpoint.id, now: 1 });
      expect(await knock(`/hooks/${token}`)).toBe(404);
      const audit = JSON.stringify(await plane.expectJson(200, "GET", "/audit?verb=endpoint."));
      expect(audit).toContain("endpoint.address_rotated");
      expect(audit).not.toContain(rotated.path?.replace("/hooks/", ""));
      const none = `/endpoints/ept_${"0".repeat(26)}/address/rotate`;
      expect((await plane.call("POST", none)).status).toBe(404);
    },
  );

  test("takes another kind of verification with a secret that suits it, and not without", async ({ expect }) => {
    const plane = await makePlane();
    const hook = await createHook(plane, [], { verification: { kind: "none" }, dedupe: { by: "none" } });
    const at = `/endpoints/${hook.endpoint.id}`;
    const patch = (status: number, body: object) => plane.expectJson(status, "PATCH", at, body);
    const refused = { code: "invalid_value", errors: [{ pointer: "/secret" }] };
    expect(await patch(422, { version: 1, verification: { kind: "bearer" } })).toMatchObject(refused);
    expect(await patch(422, { version: 1, secret: "0123456789abcdef" })).toMatchObject(refused);
    expect(await plane.expectJson(422, "POST", `${at}/secret`, {})).toMatchObject(refused);
    await patch(200, { version: 1, verification: { kind: "bearer" }, secret: "0123456789abcdef" });
    const with_ = (key: string) => post(hook.endpoint.path, "{}", { authorization: `Bearer ${key}` });
    expect((await with_("0123456789abcdef")).status).toBe(202);
    expect(await patch(422, { version: 2, verification: { kind: "standard" } })).toMatchObject(refused);
    await patch(200, { version: 2, secret: "fedcba9876543210" });
    expect([(await with_("0123456789abcdef")).status, (await with_("fedcba9876543210")).status]).toEqual([401, 202]);
  });

  test("tries a filter and a mapping on what was kept or pasted, as the real thing would, and starts nothing", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const inputSchema = {
      type: "object",
      properties: { id: { type: "integer" }, by: { default: "hook" } },
      required: ["id"],
    };
    const eventId = await createEvent(plane, { inputSchema });
    const hook = await createHook(plane, []);
    const { body } = await send(hook, { kind: "paid", order: { id: 5 } });
    const preview = (fields: object) => plane.expectJson(200, "POST", "/deliveries/preview", fields);
    const sample = { deliveryId: body.deliveryId };
    expect(
      await preview({ sample, eventId, filter: "headers['webhook-id'] != ''", mapping: '{"id": body.order.id}' }),
    ).toEqual({
      verdict: "accepted",
      message: null,
      body: { kind: "paid", order: { id: 5 } },
      input: { id: 5, by: "hook" },
    });
    const verdict = async (fields: object) => ((await preview(fields)) as { verdict: string }).verdict;
    expect(await verdict({ sample, filter: "body.kind == 'open'" })).toBe("filtered");
    expect(await verdict({ sample, filter: "body.missing == 1" })).toBe("filter_failed");
    expect(await verdict({ sample, filter: "body.(" })).toBe("filter_failed");
    expect(await verdict({ sample, mapping: "body.(" })).toBe("mapping_failed");
    // An expression that would go on ends by its steps.
    const bomb = "($f := function($n) { $f($n) + $f($n) }; $f(1))";
    expect(await verdict({ sample: { body: "{}" }, mapping: bomb })).toBe("mapping_failed");
    expect(await verdict({ sample, eventId })).toBe("invalid_input");
    expect(await verdict({ sample: { body: '{"a":1,"a":2}' } })).toBe("invalid_body");
    expect(await preview({ sample: { body: "a=1", contentType: "application/x-www-form-urlencoded" } })).toMatchObject({
      input: { a: "1" },
    });
    const whole = { body: "{}", headers: { "X-Kind": "paid" }, query: { shop: "7" } };
    const both = { filter: "headers['x-kind'] == 'paid'", mapping: "query" };
    expect(await preview({ sample: whole, ...both })).toMatchObject({ verdict: "accepted", input: { shop: "7" } });
    expect(await preview({ sample: { ...whole, headers: { "Content-Type": "text/plain" } } })).toMatchObject({
      body: "{}",
    });
    for (const none of [
      { sample: { deliveryId: `dlv_${"0".repeat(26)}` } },
      { sample, eventId: `evt_${"0".repeat(26)}` },
    ]) {
      expect((await plane.call("POST", "/deliveries/preview", none)).status).toBe(404);
    }
    expect(await deliveriesOf(plane)).toHaveLength(1);
    expect(await runsOf(plane, eventId)).toBe(0);
  });

  test("shows the next delivery and starts nothing while it listens for a test", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const hook = await createHook(plane, [{ eventId: event }]);
    await plane.expectJson(200, "POST", `/endpoints/${hook.endpoint.id}/listen`);
    const shown = await send(hook, { order: 1 });
    expect(shown).toMatchObject({ status: 202, body: { verdict: "test", runId: null } });
    expect(await plane.expectJson(200, "GET", `/deliveries/${shown.body.deliveryId}`)).toMatchObject({
      verdict: "test",
      body: '{"order":1}',
    });
    expect((await send(hook, { order: 2 })).body.verdict).toBe("accepted");
    expect(await runsOf(plane, event)).toBe(1);
  });

  test("is refused with the place of a wrong filter, mapping, header or event", async ({ expect }) => {
    const plane = await makePlane();
    const eventId = await createEvent(plane);
    const code = async (fields: object) =>
      (await plane.expectJson<{ code: string }>(422, "POST", "/endpoints", { name: "x", targets: [], ...fields })).code;
    expect(await code({ targets: [{ eventId, filter: "body.matches('(a+)+')" }] })).toBe("invalid_expression");
    expect(await code({ targets: [{ eventId, mapping: "body.(" }] })).toBe("invalid_mapping");
    expect(await code({ targets: [{ eventId, mapping: "$contains(body, /a/)" }] })).toBe("invalid_mapping");
    expect(await code({ verification: { kind: "hmac", header: "X-A\r\nB: c" } })).toBe("invalid_header");
    expect(await code({ secret: "not-a-standard-secret" })).toBe("invalid_value");
    expect(await code({ targets: [{ eventId: `evt_${"0".repeat(26)}` }] })).toBe("invalid_value");
  });

  test("keeps what arrived in the blob store, and replays it as it is now", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const hook = await createHook(plane, [{ eventId: event }]);
    const { id, version } = hook.endpoint;
    const sent = [await send(hook, { n: 1 }), await send(hook, { n: 2 })];
    await runInDurableObject(plane.dispatcherStub, async (instance, { storage }) => {
      storage.sql.exec("UPDATE deliveries SET at = at - 120000");
      await (instance as unknown as { alarm(): Promise<void> }).alarm();
    });
    const inRow = () =>
      runInDurableObject(
        plane.dispatcherStub,
        (_, { storage }) =>
          storage.sql.exec("SELECT count(*) AS count FROM deliveries WHERE packed IS NOT NULL").one()[
            "count"
          ] as number,
      );
    await waitFor(async () => {
      const left = await inRow();
      return left === 0 ? { ok: true, value: null } : { ok: false, seen: String(left) };
    }, "archiving");
    const detail = await plane.expectJson<DeliveryDetail>(200, "GET", `/deliveries/${sent[1]?.body.deliveryId}`);
    expect(detail.body).toBe('{"n":2}');
    await plane.expectJson(200, "PATCH", `/endpoints/${id}`, {
      version,
      targets: [{ eventId: event, mapping: '{"again": body.n}' }],
    });
    const ids = [...sent.map(({ body }) => body.deliveryId), `dlv_${"0".repeat(26)}`];
    const { items } = await plane.expectJson<ReplayedDeliveries>(200, "POST", "/deliveries/replay", { ids });
    expect(items.map(({ answer, error }) => answer?.verdict ?? error?.code)).toEqual([
      "accepted",
      "accepted",
      "not_found",
    ]);
    expect(await plane.run(items[1]?.answer?.runId ?? "")).toMatchObject({ input: { again: 2 } });
    expect(await deliveriesOf(plane, "?limit=1")).toMatchObject([{ original: ids[1] }]);
  });

  test("forgets deliveries and their blobs when the workspace keeps them no longer, and not before", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const hook = await createHook(plane, []);
    for (let n = 0; n < 3; n += 1) {
      await send(hook, { n });
    }
    const [newest, , oldest] = await deliveriesOf(plane);
    const { blobs } = makeDeps(env as unknown as Env);
    const inStore = <T>(act: (sql: SqlStorage) => T): Promise<T> =>
      runInDurableObject(plane.dispatcherStub, (_, { storage }) => act(storage.sql));
    // Twenty days ago, the newest but ten, and moved into a blob.
    await runInDurableObject(plane.dispatcherStub, async (instance, { storage }) => {
      storage.sql.exec("UPDATE deliveries SET at = at - ?", 120_000);
      await (instance as unknown as { alarm(): Promise<void> }).alarm();
    });
    const key = await waitFor(async () => {
      const value = await inStore((sql) => sql.exec("SELECT key FROM delivery_blobs").toArray()[0]?.["key"]);
      return value === undefined ? { ok: false, seen: "no blob" } : { ok: true, value: value as string };
    }, "archiving");
    const DAY_MS = 86_400_000;
    await plane.expectJson(200, "PATCH", "/settings", { deliveryRetentionDays: 30 });
    await inStore((sql) => {
      sql.exec("UPDATE deliveries SET at = at - ?", 20 * DAY_MS);
      sql.exec("UPDATE deliveries SET at = at + ? WHERE id = ?", 10 * DAY_MS, newest?.id ?? "");
      sql.exec("UPDATE delivery_blobs SET until = until - ?", 20 * DAY_MS);
    });
    await plane.expectJson(200, "PATCH", "/settings", { deliveryRetentionDays: 21 });
    expect(await plane.expectJson(200, "GET", `/deliveries/${oldest?.id}`)).toMatchObject({ body: '{"n":0}' });
    await plane.expectJson(200, "PATCH", "/settings", { deliveryRetentionDays: 14 });
    await waitFor(async () => {
      const left = await deliveriesOf(plane);
      const isGone = left.length === 1 && (await blobs.get(key)) === null;
      return isGone ? { ok: true, value: left } : { ok: false, seen: `${left.length} deliveries` };
    }, "the end of the old deliveries");
    expect((await deliveriesOf(plane)).map(({ id }) => id)).toEqual([newest?.id]);
    for (const deliveryRetentionDays of [13, 3_651, null, "15"]) {
      expect((await plane.call("PATCH", "/settings", { deliveryRetentionDays })).status).toBe(422);
    }
  });

  test("lists its deliveries in pages, newest first", async ({ expect }) => {
    const plane = await makePlane();
    const hook = await createHook(plane, []);
    for (let n = 0; n < 5; n += 1) {
      await send(hook, { n });
    }
    const page = await plane.expectJson<List<Delivery>>(
      200,
      "GET",
      `/deliveries?endpointId=${hook.endpoint.id}&limit=3`,
    );
    const rest = await plane.expectJson<List<Delivery>>(200, "GET", `/deliveries?limit=3&cursor=${page.nextCursor}`);
    const ids = [...page.items, ...rest.items].map(({ id }) => id);
    expect([ids.length, new Set(ids).size, rest.nextCursor]).toEqual([5, 5, null]);
    expect(ids).toEqual(ids.toSorted().toReversed());
  });

  test("answers Slack's challenge, once it is signed", async ({ expect }) => {
    const plane = await makePlane();
    const secret = "a slack secret";
    const hook = await createHook(plane, [], { verification: { kind: "slack" }, secret: "a-slack-secret" });
    expect(secret).not.toBe(hook.secret);
    const body = '{"type":"url_verification","challenge":"abc"}';
    const at = String(Math.floor(Date.now() / 1_000));
    const key = await crypto.subtle.importKey(
      "raw",
      new TextEncoder().encode("a-slack-secret"),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`v0:${at}:${body}`));
    const signature = `v0=${Buffer.from(mac).toString("hex")}`;
    const headers = { "content-type": "application/json", "x-slack-request-timestamp": at };
    expect(await post(hook.endpoint.path, body, { ...headers, "x-slack-signature": signature })).toMatchObject({
      status: 200,
      body: { challenge: "abc" },
    });
    expect((await post(hook.endpoint.path, body, { ...headers, "x-slack-signature": "v0=00" })).status).toBe(401);
  });

  test("T16: of one workspace is nobody's in another", async ({ expect }) => {
    const [plane, other] = [await makePlane(), await makePlane()];
    const hook = await createHook(plane, [{ eventId: await createEvent(plane) }]);
    const { body } = await send(hook, {});
    for (const path of [`/endpoints/${hook.endpoint.id}`, `/deliveries/${body.deliveryId}`]) {
      expect((await other.call("GET", path)).status).toBe(404);
    }
    expect(await other.expectJson(200, "POST", "/deliveries/replay", { ids: [body.deliveryId] })).toMatchObject({
      items: [{ error: { code: "not_found" } }],
    });
    const deps = makeDeps(env as unknown as Env);
    await expect(deps.dispatcherFor(other.workspaceId).hookRule(hook.endpoint.id)).resolves.toBeNull();
  });
});

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Event, ImportedSecrets, Secret } from "@cronium/protocol";
import { test } from "vitest";
import { makeKeyRing } from "../../src/auth/master-keys.ts";
import { sealSecret } from "../../src/auth/secret-box.ts";
import { makeDeps, type Env } from "../../src/deps.ts";
import { onAlarm } from "../../src/objects/dispatcher/alarm.ts";
import { missingKeys } from "../../src/objects/dispatcher/secret-rotation.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { checkReadiness } from "../../src/services/readiness.ts";
import { readKeyStatus } from "../../src/services/key-status.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";
import { createEvent } from "./queue-story.ts";

const VALUE = "s3cr3t-Wert-7f1e";

async function codeOf(response: Response): Promise<string> {
  return `${response.status} ${(await response.json<{ code: string }>()).code}`;
}

const create = (plane: Plane, body: object): Promise<Secret> => plane.expectJson(201, "POST", "/secrets", body);
const list = async (plane: Plane, query = ""): Promise<Secret[]> =>
  (await plane.expectJson<{ items: Secret[] }>(200, "GET", `/secrets${query}`)).items;

test("a secret is stored, replaced and deleted, and no answer ever holds its value", async ({ expect }) => {
  const plane = await makePlane();
  const answers: string[] = [];
  const made = await create(plane, { name: "DB_PASSWORD", value: VALUE, description: "of the shop" });
  expect(made).toMatchObject({ name: "DB_PASSWORD", version: 1, eventId: null, warnings: [], usedBy: [] });
  const replaced = await plane.expectJson<Secret>(200, "PUT", `/secrets/${made.id}`, {
    value: `${VALUE}2`,
    version: 1,
  });
  expect(replaced.version).toBe(2);
  answers.push(JSON.stringify([made, replaced, await list(plane)]));
  answers.push(await (await plane.call("GET", `/secrets/${made.id}`)).text());
  expect(await codeOf(await plane.call("PUT", `/secrets/${made.id}`, { value: "x", version: 1 }))).toBe(
    "412 version_conflict",
  );
  expect(await codeOf(await plane.call("POST", "/secrets", { name: "DB_PASSWORD", value: VALUE }))).toBe(
    "409 name_taken",
  );
  expect((await plane.call("DELETE", `/secrets/${made.id}`)).status).toBe(204);
  expect(await codeOf(await plane.call("GET", `/secrets/${made.id}`))).toBe("404 not_found");
  expect(answers.join()).not.toContain(VALUE);
});

test("B15 B16 names and values that cannot be are refused, and a short value is marked", async ({ expect }) => {
  const plane = await makePlane();
  const refused: [object, string][] = [
    [{ name: "A", value: "" }, "422 out_of_range"],
    [{ name: "A", value: "a\0b" }, "422 invalid_value"],
    [{ name: "A", value: "\ud800" }, "400 invalid_json"],
    [{ name: "A", value: "v".repeat(1_048_576) }, "422 out_of_range"],
    [{ name: "db_password", value: VALUE }, "422 invalid_env_name"],
    [{ name: "A=B", value: VALUE }, "422 invalid_env_name"],
    [{ name: "1A", value: VALUE }, "422 invalid_env_name"],
    [{ name: "A\nB", value: VALUE }, "422 invalid_env_name"],
    [{ name: "LD_PRELOAD", value: VALUE }, "422 env_reserved"],
    [{ name: "NODE_OPTIONS", value: VALUE }, "422 env_reserved"],
    [{ name: "CRONIUM_TOKEN", value: VALUE }, "422 env_reserved"],
    [{ name: "A", value: 7 }, "422 invalid_type"],
    [{ name: "A" }, "422 invalid_type"],
  ];
  for (const [body, expected] of refused) {
    const response = await plane.call("POST", "/secrets", body);
    const text = await response.clone().text();
    expect(await codeOf(response), JSON.stringify(body).slice(0, 80)).toBe(expected);
    expect(text).not.toContain(VALUE);
  }
  expect((await create(plane, { name: "PIN", value: "123" })).warnings).toEqual(["not_maskable"]);
  expect((await create(plane, { name: "KEY", value: "-----BEGIN\nline\n-----END" })).warnings).toEqual([]);
  expect((await create(plane, { name: "LARGEST", value: "v".repeat(65_536) })).warnings).toEqual([]);
});

test("B17 an event may only name secrets of its own workspace, and says which are missing", async ({ expect }) => {
  const [plane, other] = [await makePlane(), await makePlane()];
  await create(other, { name: "THEIRS", value: VALUE });
  const mine = await create(plane, { name: "MINE", value: VALUE });
  const body = { name: "Uses", runtime: "bash", script: "true", secrets: ["MINE", "THEIRS", "NOBODYS"] };
  const problem = await plane.expectJson<{ code: string; errors: { pointer: string }[] }>(422, "POST", "/events", body);
  expect(problem.code).toBe("secret_not_found");
  expect(problem.errors.map(({ pointer }) => pointer)).toEqual(["/secrets/1", "/secrets/2"]);
  const adHoc = { runtime: "bash", script: "true", secrets: ["THEIRS"] };
  expect(await codeOf(await plane.call("POST", "/runs", adHoc))).toBe("422 secret_not_found");
  const event = await plane.expectJson<Event>(201, "POST", "/events", { ...body, secrets: ["MINE"] });
  expect(event).toMatchObject({ secrets: ["MINE"], secretEnv: [] });
  expect((await list(plane))[0]?.usedBy).toEqual([{ eventId: event.id, eventName: "Uses" }]);
  expect(await codeOf(await plane.call("DELETE", `/secrets/${mine.id}`))).toBe("409 in_use");
  expect((await plane.call("DELETE", `/secrets/${mine.id}?force=true`)).status).toBe(204);
  const saved = await plane.call("PATCH", `/events/${event.id}`, { version: 1, description: "again" });
  expect(await codeOf(saved)).toBe("422 secret_not_found");
  await plane.expectJson(200, "PATCH", `/events/${event.id}`, { version: 1, secrets: [] });
});

test("what goes into the environment is among the secrets and set once", async ({ expect }) => {
  const plane = await makePlane();
  await create(plane, { name: "TOKEN", value: VALUE });
  const event = { name: "Env", runtime: "bash", script: "true", secrets: ["TOKEN"] };
  for (const bad of [{ secretEnv: ["OTHER"] }, { secretEnv: ["TOKEN"], env: { TOKEN: "x" } }]) {
    expect(await codeOf(await plane.call("POST", "/events", { ...event, ...bad }))).toBe("422 invalid_value");
  }
  expect(await plane.expectJson(201, "POST", "/events", { ...event, secretEnv: ["TOKEN"] })).toMatchObject({
    secretEnv: ["TOKEN"],
  });
});

test("an event's own secret comes before the workspace's of the same name", async ({ expect }) => {
  const plane = await makePlane();
  const eventId = await createEvent(plane, {});
  await create(plane, { name: "SHARED", value: VALUE });
  const common = await create(plane, { name: "TOKEN", value: VALUE });
  const own = await create(plane, { name: "TOKEN", value: VALUE, eventId });
  expect(own).toMatchObject({ eventId, eventName: expect.any(String) });
  expect((await list(plane)).map(({ id }) => id)).toContain(common.id);
  expect((await list(plane, `?eventId=${eventId}`)).map(({ name, eventId: of }) => [name, of])).toEqual([
    ["SHARED", null],
    ["TOKEN", eventId],
  ]);
  const missing = await plane.call("GET", "/secrets?eventId=evt_01jd3n5zq8v6w7x9y0abcdefgk");
  expect(await codeOf(missing)).toBe("404 not_found");
});

test("an .env text is previewed, refused with all its errors, or stored whole", async ({ expect }) => {
  const plane = await makePlane();
  await create(plane, { name: "OLD", value: VALUE });
  const text = `# mine\nOLD=${VALUE}\nexport NEW="two\nlines"\nPIN=12\n`;
  const items = [
    { name: "OLD", action: "replace", warnings: [] },
    { name: "NEW", action: "create", warnings: [] },
    { name: "PIN", action: "create", warnings: ["not_maskable"] },
  ];
  const preview = await plane.expectJson<ImportedSecrets>(200, "POST", "/secrets/import", { text, preview: true });
  expect(preview).toEqual({ items, applied: false });
  expect(await list(plane)).toHaveLength(1);
  const bad = `${text}lower=${VALUE}\nPATH=/bin\nEMPTY=\n`;
  const response = await plane.call("POST", "/secrets/import", { text: bad });
  const problem = await response.json<{ code: string; errors: { message: string }[] }>();
  expect([response.status, problem.code, problem.errors.length]).toEqual([422, "invalid_env_file", 3]);
  expect(JSON.stringify(problem)).not.toContain(VALUE);
  expect(await list(plane)).toHaveLength(1);
  expect(await plane.expectJson(200, "POST", "/secrets/import", { text })).toEqual({ items, applied: true });
  expect((await list(plane)).map(({ name, version }) => [name, version])).toEqual([
    ["NEW", 1],
    ["OLD", 2],
    ["PIN", 1],
  ]);
});

test("neither the Dispatcher's rows nor D1 hold a value, and D1 knows the names", async ({ expect }) => {
  const plane = await makePlane();
  const secret = await create(plane, { name: "TOKEN", value: VALUE });
  await runInDurableObject(plane.dispatcherStub, (_instance, { storage: { sql } }) => {
    const tables = sql.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'");
    const rows = tables.toArray().flatMap((row) => sql.exec(`SELECT * FROM "${row["name"] as string}"`).toArray());
    expect(JSON.stringify(rows)).toContain(secret.id);
    expect(JSON.stringify(rows)).not.toContain(VALUE);
  });
  const inD1 = async () =>
    (env as unknown as Env).DB.prepare("SELECT * FROM named_values WHERE id = ?").bind(secret.id).all();
  const found = await waitFor(async () => {
    const { results } = await inD1();
    return results.length === 1 ? { ok: true, value: results[0] } : { ok: false, seen: JSON.stringify(results) };
  }, "the projection");
  expect(found).toMatchObject({ kind: "secret", name: "TOKEN", version: 1, workspace_id: plane.workspaceId });
  expect(JSON.stringify(found)).not.toContain(VALUE);
  await plane.call("DELETE", `/secrets/${secret.id}`);
  await waitFor(async () => {
    const { results } = await inD1();
    return results.length === 0 ? { ok: true, value: null } : { ok: false, seen: JSON.stringify(results) };
  }, "the deletion in D1");
});

test("T27 after a rotation every secret is encrypted again, in pieces, and then needs the old key no more", async ({
  expect,
}) => {
  const plane = await makePlane();
  const [oldKey, newKey] = [
    "pEJxeVzT2bGlAIxGyRhiL9rQ0vhWbL2Qe0sCkEXPnqs",
    "Zx0l5hSRnvGgbbnAYwQm2B1iJ8Vd0TR7u3oKqf6y4Xc",
  ];
  const text = Array.from({ length: 450 }, (_, at) => `NAME_${at}=${VALUE}${at}`).join("\n");
  await plane.expectJson(200, "POST", "/secrets/import", { text });
  const rotated = makeDeps({ ...env, SECRETS_KEY: newKey, SECRETS_OLD_KEYS: oldKey } as unknown as Env);
  await runInDurableObject(plane.dispatcherStub, (_instance, ctx) => {
    const countOld = () =>
      ctx.storage.sql
        .exec("SELECT count(*) AS old FROM secrets WHERE key_id = ?", makeKeyRing(oldKey, "").current.id)
        .one()["old"];
    const shell = openShell(ctx, rotated);
    expect(countOld()).toBe(450);
    onAlarm(shell);
    expect(countOld()).toBe(250);
    // A new instance, as after a crash, goes on where that one was.
    const next = openShell(ctx, rotated);
    onAlarm(next);
    onAlarm(next);
    expect(countOld()).toBe(0);
    expect(missingKeys(openShell(ctx, makeDeps({ ...env, SECRETS_KEY: newKey } as unknown as Env)))).toEqual([]);
    expect(missingKeys(openShell(ctx, makeDeps(env as unknown as Env)))).toEqual([
      rotated.config.secretKeys.current.id,
    ]);
  });
  await waitFor(async () => {
    const status = await readKeyStatus(rotated);
    const mine = await rotated.d1
      .prepare("SELECT count(*) AS n FROM named_values WHERE workspace_id = ? AND key_id = ?")
      .bind(plane.workspaceId, rotated.config.secretKeys.current.id)
      .first<{ n: number }>();
    return mine?.n === 450 && status[0]?.current === true
      ? { ok: true, value: null }
      : { ok: false, seen: JSON.stringify([mine, status]) };
  }, "the projection of the new key");
});

test("T27 a box that is moved to another secret's row does not open", async ({ expect }) => {
  const plane = await makePlane();
  const secret = await create(plane, { name: "TOKEN", value: VALUE });
  const { secretKeys } = makeDeps(env as unknown as Env).config;
  const foreign = sealSecret(secretKeys, { workspaceId: "ws_other", secretId: secret.id }, "theirs", (bytes) =>
    crypto.getRandomValues(new Uint8Array(bytes)),
  );
  await runInDurableObject(plane.dispatcherStub, async (_instance, ctx) => {
    ctx.storage.sql.exec("UPDATE secrets SET box = ? WHERE id = ?", foreign, secret.id);
    const { findSecrets, openFound } = await import("../../src/objects/dispatcher/secrets.ts");
    const shell = openShell(ctx, makeDeps(env as unknown as Env));
    const [found] = findSecrets(shell, null, ["TOKEN"]).found;
    expect(found === undefined ? null : openFound(shell, found)).toBeNull();
  });
});

test("an installation whose key is missing is not ready, and says which", async ({ expect }) => {
  const plane = await makePlane();
  await create(plane, { name: "TOKEN", value: VALUE });
  const deps = makeDeps(env as unknown as Env);
  const broken = {
    ...deps,
    dispatcherFor: () => ({
      check: async () => ({ outboxRows: 0, missingKeys: ["0123456789ab"] }),
    }),
  } as unknown as typeof deps;
  const readiness = await checkReadiness(broken);
  expect(readiness.ready).toBe(false);
  expect(readiness.reasons.join()).toContain("0123456789ab");
});

import { beforeAll, test } from "vitest";
import { makeToken } from "@cronium/protocol/token";
import { bulkPermissions, mayDo, type Permission, permissions, rolePermissions } from "@cronium/protocol/access";
import { roles } from "@cronium/protocol/roles";
import { makeId } from "@cronium/protocol/ids";
import { hashToken } from "../../src/auth/token-hash.ts";
import { createApp, listRules, refuseRoutesWithoutRule } from "../../src/http/app.ts";
import {
  addWorkspace,
  claim,
  cookieOf,
  deps,
  ORIGIN,
  random,
  refusalOf,
  send,
  setUp,
  testEnv,
  type Setup,
} from "./installation.ts";

let plane: Setup;
beforeAll(async () => {
  plane = await setUp();
});

const me = (key: string): Promise<Response> => send("GET", "/api/v1/me", { key });

test("every route says who may call it", ({ expect }) => {
  const rules = listRules(createApp(deps));
  expect([...rules].filter(([, rule]) => rule === undefined)).toEqual([]);
  const open = [...rules].filter(([, rule]) => rule?.kind === "open").map(([name]) => name);
  // A new open route belongs on this list, with a reason that convinces.
  expect(open.toSorted()).toEqual([
    "GET /.well-known/security.txt",
    "GET /api/auth/callback/:provider",
    "GET /api/auth/get-session",
    "GET /api/v1/openapi.json",
    "GET /api/v1/runner/artifacts",
    "GET /api/v1/runner/connect",
    "GET /api/v1/runner/logs/:runId",
    "GET /api/v1/sign-in/options",
    "GET /health",
    "GET /install/:sdist{cronium-[0-9][0-9a-z.]*\\.tar\\.gz}",
    "GET /install/:wheel{cronium-[0-9][0-9a-z.]*-py3-none-any\\.whl}",
    "GET /install/cronium-runner.tgz",
    "GET /install/cronium-sdk.tgz",
    "GET /install/cronium.sh",
    "GET /install/cronium.tgz",
    "GET /ready",
    "POST /api/auth/sign-in/email",
    "POST /api/auth/sign-out",
    "POST /api/v1/account-links/confirm-email",
    "POST /api/v1/account-links/look-up",
    "POST /api/v1/account-links/register",
    "POST /api/v1/account-links/reset-password",
    "POST /api/v1/claim",
    "POST /api/v1/device/code",
    "POST /api/v1/device/revoke",
    "POST /api/v1/device/token",
    "POST /api/v1/invitations/accept",
    "POST /api/v1/invitations/look-up",
    "POST /api/v1/password-resets",
    "POST /api/v1/registrations",
    "POST /api/v1/runner/logs/:runId",
    "POST /api/v1/runner/poll",
    "POST /api/v1/runner/register",
    "POST /api/v1/sign-in/passkey",
    "POST /api/v1/sign-in/passkey/options",
    "POST /api/v1/sign-in/providers/:provider",
    "POST /api/v1/sign-in/second-factor",
    "POST /hooks/:token",
    "POST /launcher/key-status",
    "POST /launcher/messages",
    "POST /launcher/password-link",
    "POST /launcher/setup",
    "POST /launcher/watchdog",
    "PUT /api/v1/runner/artifacts",
    "PUT /hooks/:token",
  ]);
});

test("a route without a rule keeps the Worker from starting", ({ expect }) => {
  const app = createApp(deps);
  app.get("/api/v1/forgotten", (c) => c.text("open to all"));
  expect(() => refuseRoutesWithoutRule(app)).toThrow(/neither requires.* nor open.*: GET \/api\/v1\/forgotten$/);
});

/** Well-formed ids of things that no workspace has. */
const foreign: Readonly<Record<string, string>> = {
  ":id": "01m7xqece7rd9cwj5ny98npjgv",
};

function concrete(path: string): string {
  const kinds = {
    "/events": "evt",
    "/runners": "rnr",
    "/bulk": "blk",
    "/members": "usr",
    "/invitations": "inv",
    "/api-keys": "key",
    "/service-accounts": "svc",
    "/secrets": "sec",
    "/variables": "var",
    "/schedules": "sch",
    "/backfills": "bkf",
    "/endpoints": "ept",
    "/deliveries": "dlv",
  };
  const kind = Object.entries(kinds).find(([part]) => path.includes(part))?.[1] ?? "run";
  return path.replaceAll(":number", "1").replaceAll(/:\w+/g, `${kind}_${foreign[":id"]}`);
}

test("T10 every guarded route refuses the anonymous, and each role gets what its table says and nothing foreign", async ({
  expect,
}) => {
  const workspace = await addWorkspace();
  const keys = new Map(await Promise.all(roles.map(async (role) => [role, await workspace.keyFor(role)] as const)));
  let checked = 0;
  for (const [name, rule] of listRules(createApp(deps))) {
    if (rule?.kind !== "requires") {
      continue;
    }
    const [method = "", path = ""] = name.split(" ");
    const address = concrete(path);
    expect(await refusalOf(await send(method, address)), `${name} anonymous`).toBe("401 unauthorized");
    for (const [role, key] of keys) {
      const response = await send(method, address, { key });
      const who = `${name} as ${role}`;
      if (rule.anyOf.some((permission) => mayDo(role, permission)) && rule.who === "anybody") {
        expect([401, 403], who).not.toContain(response.status);
        expect(response.status, who).toBeLessThan(500);
        if (path.includes(":") && method === "GET" && !path.endsWith("/live")) {
          expect(response.status, who).toBe(404);
        }
      } else {
        expect(await refusalOf(response), who).toBe("403 forbidden");
      }
      await response.body?.cancel().catch(() => undefined);
      checked += 1;
    }
  }
  expect(checked).toBeGreaterThan(30);
});

test("T11 a key with every scope but the one that a route needs is refused, and one with that scope alone is let in", async ({
  expect,
}) => {
  const { workspaceId } = await addWorkspace();
  const scoped = async (scopes: readonly Permission[]): Promise<string> => {
    const key = makeToken("apiKey", random(32));
    await testEnv.DB.prepare(
      `INSERT INTO api_keys (id, workspace_id, name, hash, role, created_at, scopes) VALUES (?, ?, 'k', ?, 'owner', 1, ?)`,
    )
      .bind(makeId("apiKey", Date.now(), random(10)), workspaceId, await hashToken(key), JSON.stringify(scopes))
      .run();
    return key;
  };
  const only = new Map<Permission, string>();
  for (const permission of permissions) {
    only.set(permission, await scoped([permission]));
  }
  const without = new Map<string, string>();
  for (const [name, rule] of listRules(createApp(deps))) {
    if (rule?.kind !== "requires" || rule.who !== "anybody") {
      continue;
    }
    const { anyOf } = rule;
    const key = without.get(String(anyOf)) ?? (await scoped(permissions.filter((one) => !anyOf.includes(one))));
    without.set(String(anyOf), key);
    const [method = "", path = ""] = name.split(" ");
    expect(await refusalOf(await send(method, concrete(path), { key })), name).toBe("403 missing_scope");
    for (const permission of anyOf) {
      const allowed = await send(method, concrete(path), { key: only.get(permission) ?? "" });
      expect([401, 403], `${name} with ${permission}`).not.toContain(allowed.status);
      await allowed.body?.cancel().catch(() => undefined);
    }
  }
});

test("bulk work needs what it does to each run, to start it, to count it and to stop it", async ({ expect }) => {
  const { workspaceId } = await addWorkspace();
  const withScopes = async (...scopes: Permission[]): Promise<string> => {
    const key = makeToken("apiKey", random(32));
    await testEnv.DB.prepare(
      `INSERT INTO api_keys (id, workspace_id, name, hash, role, created_at, scopes) VALUES (?, ?, 'k', ?, 'operator', 1, ?)`,
    )
      .bind(makeId("apiKey", Date.now(), random(10)), workspaceId, await hashToken(key), JSON.stringify(scopes))
      .run();
    return key;
  };
  const keys = {
    "runs:cancel": await withScopes("runs:cancel", "runs:read"),
    "runs:trigger": await withScopes("runs:trigger", "runs:read"),
  };
  const filter = { state: ["failed"] };
  for (const [action, permission] of Object.entries(bulkPermissions)) {
    const other = permission === "runs:cancel" ? keys["runs:trigger"] : keys["runs:cancel"];
    for (const dryRun of [true, false]) {
      const refused = await send("POST", "/api/v1/bulk", { key: other, body: { action, filter, dryRun } });
      expect(await refusalOf(refused), action).toBe("403 missing_scope");
    }
    const started = await send("POST", "/api/v1/bulk", { key: keys[permission], body: { action, filter } });
    expect(started.status, action).toBe(202);
    const { bulkId } = await started.json<{ bulkId: string }>();
    const stop = `/api/v1/bulk/${bulkId}/cancel`;
    expect(await refusalOf(await send("POST", stop, { key: other })), action).toBe("403 missing_scope");
    expect((await send("POST", stop, { key: keys[permission] })).status, action).toBe(200);
  }
});

test("each role holds what the lower one holds", ({ expect }) => {
  for (const permission of rolePermissions.viewer) {
    for (const role of roles) {
      expect(mayDo(role, permission), `${role} ${permission}`).toBe(true);
    }
  }
  expect(mayDo("viewer", "events:write")).toBe(false);
  expect(mayDo("operator", "events:write")).toBe(false);
  expect(mayDo("editor", "runners:write")).toBe(false);
  expect(mayDo("editor", "variables:write")).toBe(true);
  expect(mayDo("editor", "secrets:write")).toBe(false);
  expect(mayDo("viewer", "secrets:read")).toBe(false);
});

test("B45 a viewer writes nothing, an operator edits no script, and an editor stores no secret", async ({ expect }) => {
  const workspace = await addWorkspace();
  const [viewer, operator, editor] = [
    await workspace.keyFor("viewer"),
    await workspace.keyFor("operator"),
    await workspace.keyFor("editor"),
  ];
  const script = { name: "Nightly", runtime: "bash", script: "true" };
  const made = await send("POST", "/api/v1/events", { key: editor, body: script });
  const { id } = await made.json<{ id: string }>();
  const refused: readonly [string, string, string, object][] = [
    [viewer, "POST", "/events", script],
    [viewer, "POST", `/events/${id}/runs`, {}],
    [viewer, "POST", "/variables", { name: "A", value: 1 }],
    [operator, "PATCH", `/events/${id}`, { version: 1, script: "rm -rf /" }],
    [operator, "POST", "/secrets", { name: "A", value: "value" }],
    [editor, "POST", "/secrets", { name: "A", value: "value" }],
    [editor, "PATCH", "/settings", { concurrency: 1 }],
    [editor, "POST", "/registration-tokens", {}],
  ];
  for (const [key, method, path, body] of refused) {
    expect(await refusalOf(await send(method, `/api/v1${path}`, { key, body })), `${method} ${path}`).toBe(
      "403 forbidden",
    );
  }
  const after = await send("GET", `/api/v1/events/${id}`, { key: viewer });
  expect(await after.json()).toMatchObject({ version: 1, script: "true" });
});

test("B44 wrong, mangled, revoked and expired keys are refused alike", async ({ expect }) => {
  const workspace = await addWorkspace();
  const [revoked, expired] = [await workspace.keyFor("viewer"), await workspace.keyFor("operator")];
  await testEnv.DB.batch([
    testEnv.DB.prepare("UPDATE api_keys SET revoked_at = 1 WHERE workspace_id = ? AND role = 'viewer'").bind(
      workspace.workspaceId,
    ),
    testEnv.DB.prepare("UPDATE api_keys SET expires_at = 1 WHERE workspace_id = ? AND role = 'operator'").bind(
      workspace.workspaceId,
    ),
  ]);
  const wrong = [
    revoked,
    expired,
    makeToken("apiKey", random(32)),
    plane.apiKey.slice(0, -1),
    "",
    "x",
    plane.apiKey.toUpperCase(),
  ];
  for (const key of wrong) {
    const response = await me(key);
    expect(response.headers.get("www-authenticate"), key).toBe('Bearer realm="cronium"');
    expect(await refusalOf(response), key).toBe("401 unauthorized");
  }
  const basic = await send("GET", "/api/v1/me", { headers: { authorization: `Basic ${btoa(`x:${plane.apiKey}`)}` } });
  expect(await refusalOf(basic)).toBe("401 unauthorized");
  expect((await me(plane.apiKey)).status).toBe(200);
});

test("a wrong key is not saved by a good cookie", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const cookie = cookieOf(await claim(claimToken, "both@example.org"));
  const response = await send("GET", "/api/v1/me", { cookie, key: makeToken("apiKey", random(32)) });
  expect(await refusalOf(response)).toBe("401 unauthorized");
});

test("B44 a key in the address is refused, whatever the parameter is called, even beside a good header", async ({
  expect,
}) => {
  for (const name of ["key", "token", "api_key", "anything"]) {
    const response = await send("GET", `/api/v1/me?${name}=${plane.apiKey}`, { key: plane.apiKey });
    const text = await response.clone().text();
    expect(await refusalOf(response), name).toBe("400 key_in_url");
    expect(text).not.toContain(plane.apiKey);
  }
});

test("T17 changes with a session come from a page of this installation alone", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const cookie = cookieOf(await claim(claimToken, "csrf@example.org"));
  const change = async (headers: Record<string, string>): Promise<number> =>
    (await send("POST", "/api/v1/registration-tokens", { cookie, headers })).status;
  expect(await change({ origin: ORIGIN })).toBe(201);
  expect(await change({ origin: ORIGIN, "sec-fetch-site": "same-origin" })).toBe(201);
  expect(await change({ "sec-fetch-site": "same-origin" })).toBe(201);
  const refused: Record<string, string>[] = [
    {},
    { origin: "null" },
    { origin: "https://evil.example" },
    { origin: `${ORIGIN}.evil.example` },
    { origin: `${ORIGIN}:8080` },
    { origin: ORIGIN.replace("http:", "https:") },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "none" },
    { origin: ORIGIN, "sec-fetch-site": "cross-site" },
  ];
  for (const headers of refused) {
    expect(await change(headers), JSON.stringify(headers)).toBe(403);
  }
  expect((await send("GET", "/api/v1/me", { cookie, headers: { "sec-fetch-site": "cross-site" } })).status).toBe(200);
});

test("T16 a socket with a session needs the exact origin and a ticket of its own, used once", async ({ expect }) => {
  const session = async (email: string): Promise<string> => {
    const { claimToken } = await addWorkspace();
    return cookieOf(await claim(claimToken, email));
  };
  const [cookie, other] = [await session("socket@example.org"), await session("other-socket@example.org")];
  const ticketOf = async (owner: string): Promise<string> => {
    const response = await send("POST", "/api/v1/live-tickets", { cookie: owner, headers: { origin: ORIGIN } });
    return (await response.json<{ ticket: string }>()).ticket;
  };
  const open = (headers: Record<string, string>, ticket?: string): Promise<Response> =>
    send("GET", `/api/v1/live${ticket === undefined ? "" : `?ticket=${ticket}`}`, {
      cookie,
      headers: { upgrade: "websocket", ...headers },
    });
  const ticket = await ticketOf(cookie);
  for (const headers of [
    {},
    { origin: "null" },
    { origin: "https://evil.example" },
    { "sec-fetch-site": "same-origin" },
  ]) {
    expect(await refusalOf(await open(headers, ticket)), JSON.stringify(headers)).toBe("403 origin_not_allowed");
  }
  const expired = await ticketOf(cookie);
  await testEnv.DB.prepare("UPDATE live_tickets SET expires_at = 1 WHERE hash = ?")
    .bind(await hashToken(expired))
    .run();
  for (const wrong of [undefined, "x", expired, await ticketOf(other)]) {
    expect(await refusalOf(await open({ origin: ORIGIN }, wrong)), wrong).toBe("403 origin_not_allowed");
  }
  const good = await open({ origin: ORIGIN }, ticket);
  expect(good.status).toBe(101);
  good.webSocket?.accept();
  good.webSocket?.close(1000, "done");
  expect(await refusalOf(await open({ origin: ORIGIN }, ticket))).toBe("403 origin_not_allowed");
});

test("a user who belongs to no workspace any more is refused", async ({ expect }) => {
  const { claimToken, workspaceId } = await addWorkspace();
  const cookie = cookieOf(await claim(claimToken, "former@example.org"));
  await testEnv.DB.prepare("DELETE FROM members WHERE workspace_id = ?").bind(workspaceId).run();
  expect(await refusalOf(await send("GET", "/api/v1/me", { cookie }))).toBe("401 unauthorized");
});

import { beforeAll, describe, test } from "vitest";
import { addWorkspace, cookieOf, password, refusalOf, send, setUp, testEnv } from "./installation.ts";
import { accept, address, age, linkFor, member, owner, type Person } from "./people.ts";

beforeAll(async () => {
  await setUp();
});

describe("API keys", () => {
  test("T11 a key does what its role and its scopes both allow, lists included", async ({ expect }) => {
    const ada = await owner();
    const made = await ada.ask("POST", "/api-keys", {
      name: "ci",
      role: "editor",
      scopes: ["runs:read", "metrics:read"],
    });
    const { key, id } = await made.json<{ key: string; id: string }>();
    const status = async (path: string): Promise<string | number> => {
      const response = await send("GET", path, { key });
      return response.ok ? response.status : refusalOf(response);
    };
    expect(await status("/api/v1/runs")).toBe(200);
    expect(await status("/api/v1/events")).toBe("403 missing_scope");
    expect(await status("/api/v1/me")).toBe("403 missing_scope");
    // A scope adds nothing to the role.
    expect(await status("/metrics")).toBe("403 forbidden");
    const listed = await (await ada.ask("GET", "/api-keys")).json<{ items: Record<string, unknown>[] }>();
    expect(listed.items).toMatchObject([{ id, name: "ci", role: "editor", owner: { kind: "user", name: "Ada" } }]);
    expect(listed.items[0]?.["lastUsedAt"]).toEqual(expect.any(String));
    expect(JSON.stringify(listed)).not.toContain(key);
    expect((await ada.ask("DELETE", `/api-keys/${id}`)).status).toBe(204);
    expect(await status("/api/v1/runs")).toBe("401 unauthorized");
  });

  test("T11 a key never makes a wider one", async ({ expect }) => {
    const ada = await owner();
    const narrow = await ada.ask("POST", "/api-keys", {
      name: "n",
      role: "operator",
      scopes: ["keys:own", "runs:read"],
    });
    const { key } = await narrow.json<{ key: string }>();
    const make = (body: object): Promise<Response> => send("POST", "/api/v1/api-keys", { key, body });
    expect(await refusalOf(await make({ name: "x", role: "admin" }))).toBe("403 forbidden");
    expect(await refusalOf(await make({ name: "x", scopes: ["runs:read", "events:read"] }))).toBe("403 missing_scope");
    const child = await make({ name: "x" });
    expect(await child.json()).toMatchObject({ role: "operator", scopes: ["keys:own", "runs:read"] });
  });

  test("a key is never more than its person, whose role may have sunk since", async ({ expect }) => {
    const ada = await owner();
    const ben = await member(ada, "editor");
    const { key } = await (await ben.ask("POST", "/api-keys", { name: "k" })).json<{ key: string }>();
    expect((await ada.ask("PATCH", `/members/${ben.id}`, { role: "viewer" })).status).toBe(200);
    expect(await (await send("GET", "/api/v1/me", { key })).json()).toMatchObject({ role: "viewer", via: "api_key" });
  });

  test("a member sees and revokes keys of their own, an administrator all", async ({ expect }) => {
    const ada = await owner();
    const ben = await member(ada, "viewer");
    const mine = await (await ada.ask("POST", "/api-keys", { name: "of ada" })).json<{ id: string }>();
    const theirs = await (await ben.ask("POST", "/api-keys", { name: "of ben" })).json<{ id: string }>();
    const names = async (by: Person): Promise<string[]> =>
      (await (await by.ask("GET", "/api-keys")).json<{ items: { name: string }[] }>()).items.map((item) => item.name);
    expect(await names(ben)).toEqual(["of ben"]);
    expect((await names(ada)).toSorted()).toEqual(["of ada", "of ben"]);
    expect(await refusalOf(await ben.ask("DELETE", `/api-keys/${mine.id}`))).toBe("404 not_found");
    expect((await ada.ask("DELETE", `/api-keys/${theirs.id}`)).status).toBe(204);
  });

  test("a service account keeps its keys when their maker leaves, and takes them with it", async ({ expect }) => {
    const ada = await owner();
    const admin = await member(ada, "admin");
    const account = await admin.ask("POST", "/service-accounts", { name: "deploys", role: "operator" });
    expect(account.status).toBe(201);
    const { id } = await account.json<{ id: string }>();
    const again = await admin.ask("POST", "/service-accounts", { name: "deploys", role: "operator" });
    expect(await refusalOf(again)).toBe("409 name_taken");
    const wide = await admin.ask("POST", "/api-keys", { name: "k", role: "editor", serviceAccountId: id });
    expect(await refusalOf(wide)).toBe("403 forbidden");
    const made = await admin.ask("POST", "/api-keys", { name: "k", serviceAccountId: id });
    const { key } = await made.json<{ key: string }>();
    await admin.ask("POST", "/members/leave");
    expect(await (await send("GET", "/api/v1/me", { key })).json()).toMatchObject({ role: "operator" });
    expect((await ada.ask("DELETE", `/service-accounts/${id}`)).status).toBe(204);
    expect(await refusalOf(await send("GET", "/api/v1/me", { key }))).toBe("401 unauthorized");
  });
});

describe("one's own account", () => {
  test("T17 keys, owners and administrators need a password given lately", async ({ expect }) => {
    const ada = await owner();
    const ben = await member(ada, "viewer");
    await age(ada);
    const guarded = [
      ["POST", "/api-keys", { name: "k" }],
      ["POST", "/registration-tokens", {}],
      ["POST", "/service-accounts", { name: "s", role: "viewer" }],
      ["POST", "/invitations", { email: address(), role: "admin" }],
      ["PATCH", `/members/${ben.id}`, { role: "admin" }],
      ["POST", "/members/transfer-ownership", { userId: ben.id }],
    ] as const;
    for (const [method, path, body] of guarded) {
      expect(await refusalOf(await ada.ask(method, path, body)), path).toBe("403 proof_required");
    }
    expect((await ada.ask("POST", "/invitations", { email: address(), role: "viewer" })).status).toBe(201);
    expect(await refusalOf(await ada.ask("POST", "/proof", { password: "guess" }))).toBe("403 wrong_password");
    expect((await ada.ask("POST", "/proof", { password })).status).toBe(200);
    for (const [method, path, body] of guarded) {
      expect((await ada.ask(method, path, body)).status, path).toBeLessThan(300);
    }
  });

  test("sessions are listed, and ended one by one or all but this", async ({ expect }) => {
    const ada = await owner();
    const other = async (): Promise<string> =>
      cookieOf(await send("POST", "/api/auth/sign-in/email", { body: { email: ada.email, password } }));
    const [second, third] = [await other(), await other()];
    const list = async () =>
      (await (await ada.ask("GET", "/sessions")).json<{ items: { id: string; isCurrent: boolean }[] }>()).items;
    const sessions = await list();
    expect([sessions.length, sessions.filter((item) => item.isCurrent).length]).toEqual([3, 1]);
    expect(JSON.stringify(sessions)).not.toContain(second.split("=")[1]?.split(".")[0]);
    const victim = sessions.find((item) => !item.isCurrent);
    expect((await ada.ask("DELETE", `/sessions/${victim?.id}`)).status).toBe(204);
    const alive = async (): Promise<number[]> =>
      Promise.all([second, third].map(async (cookie) => (await send("GET", "/api/v1/me", { cookie })).status));
    expect(new Set(await alive())).toEqual(new Set([200, 401]));
    expect(await (await ada.ask("POST", "/sessions/end-others")).json()).toEqual({ ended: 1 });
    expect(await alive()).toEqual([401, 401]);
    expect((await ada.ask("GET", "/me")).status).toBe(200);
    const eve = await owner();
    expect(await refusalOf(await eve.ask("DELETE", `/sessions/${(await list())[0]?.id}`))).toBe("404 not_found");
  });

  test("a changed password ends other sessions and the old password", async ({ expect }) => {
    const ada = await owner();
    const other = cookieOf(await send("POST", "/api/auth/sign-in/email", { body: { email: ada.email, password } }));
    const next = "an even better horse";
    expect(await refusalOf(await ada.ask("POST", "/password", { current: "wrong", next }))).toBe("403 wrong_password");
    expect((await ada.ask("POST", "/password", { current: password, next })).status).toBe(204);
    expect((await send("GET", "/api/v1/me", { cookie: other })).status).toBe(401);
    expect((await ada.ask("GET", "/me")).status).toBe(200);
    const signIn = async (secret: string): Promise<number> =>
      (await send("POST", "/api/auth/sign-in/email", { body: { email: ada.email, password: secret } })).status;
    expect([await signIn(password), await signIn(next)]).toEqual([401, 200]);
  });

  test("a key has no account to manage", async ({ expect }) => {
    const { keyFor } = await addWorkspace();
    const key = await keyFor("owner");
    for (const [method, path] of [
      ["GET", "/sessions"],
      ["POST", "/sessions/end-others"],
    ] as const) {
      expect(await refusalOf(await send(method, `/api/v1${path}`, { key })), path).toBe("403 forbidden");
    }
  });
});

/** The whole audit as it is downloaded; its type is not one that counts as text. */
async function exported(by: Person): Promise<string> {
  return new TextDecoder().decode(await (await by.ask("GET", "/audit/export")).arrayBuffer());
}

describe("audit", () => {
  test("T26 acts that come all at once are each done and written down, in one chain", async ({ expect }) => {
    const ada = await owner();
    const made = await Promise.all(
      Array.from({ length: 32 }, async (_, i) => (await ada.ask("POST", "/api-keys", { name: `key ${i}` })).status),
    );
    expect(new Set(made)).toEqual(new Set([201]));
    expect(await (await ada.ask("GET", "/audit/verify")).json()).toMatchObject({ isIntact: true, entries: 32 });
  });

  test("T26 privileged acts are written down in a chain, and a changed or missing entry is found", async ({
    expect,
  }) => {
    const ada = await owner();
    const ben = await member(ada, "viewer");
    await ada.ask("PATCH", `/members/${ben.id}`, { role: "editor" });
    const { id } = await (await ada.ask("POST", "/api-keys", { name: "k" })).json<{ id: string }>();
    await ada.ask("DELETE", `/api-keys/${id}`);
    const verbs = async (query = ""): Promise<string[]> =>
      (await (await ada.ask("GET", `/audit${query}`)).json<{ items: { verb: string }[] }>()).items.map((e) => e.verb);
    expect(await verbs()).toEqual([
      "api_key.revoked",
      "api_key.created",
      "member.role_changed",
      "invitation.accepted",
      "invitation.created",
    ]);
    expect(await verbs("?verb=member.role_changed")).toEqual(["member.role_changed"]);
    expect(await verbs(`?target=${id}`)).toEqual(["api_key.revoked", "api_key.created"]);
    expect(await verbs(`?actor=${ben.id}`)).toEqual(["invitation.accepted"]);
    const page = await (await ada.ask("GET", "/audit?limit=2")).json<{ items: unknown[]; nextCursor: string }>();
    expect(page.items).toHaveLength(2);
    expect(await verbs(`?limit=2&cursor=${page.nextCursor}`)).toEqual(["member.role_changed", "invitation.accepted"]);
    const lines = (await exported(ada)).trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual([1, 2, 3, 4, 5]);
    expect(await (await ada.ask("GET", "/audit/verify")).json()).toMatchObject({ isIntact: true, entries: 5 });

    const run = (sql: string): Promise<unknown> => testEnv.DB.prepare(sql).bind(ada.workspaceId).run();
    await run("UPDATE account_audit SET entry = replace(entry, 'editor', 'viewer') WHERE workspace_id = ? AND seq = 3");
    expect(await (await ada.ask("GET", "/audit/verify")).json()).toMatchObject({ isIntact: false, brokenAt: 3 });
    await run(
      'UPDATE account_audit SET entry = replace(entry, \'"after":"viewer"\', \'"after":"editor"\') WHERE workspace_id = ? AND seq = 3',
    );
    expect(await (await ada.ask("GET", "/audit/verify")).json()).toMatchObject({ isIntact: true });
    await run("DELETE FROM account_audit WHERE workspace_id = ? AND seq = 2");
    expect(await (await ada.ask("GET", "/audit/verify")).json()).toMatchObject({ isIntact: false, brokenAt: 2 });
  });

  test("I20 what was refused is not written down, and what happens at once is, without a hole", async ({ expect }) => {
    const ada = await owner();
    await ada.ask("POST", "/members/leave");
    await Promise.all(
      Array.from({ length: 6 }, () => ada.ask("POST", "/invitations", { email: address(), role: "viewer" })),
    );
    const entries = await (await ada.ask("GET", "/audit")).json<{ items: { verb: string }[] }>();
    expect(entries.items.map((entry) => entry.verb)).toEqual(Array.from({ length: 6 }, () => "invitation.created"));
    expect(await (await ada.ask("GET", "/audit/verify")).json()).toMatchObject({ isIntact: true, entries: 6 });
  });

  test("T26 no token, key or password is in it", async ({ expect }) => {
    const ada = await owner();
    const token = await linkFor(ada, address(), "viewer");
    await accept(token);
    const { key } = await (await ada.ask("POST", "/api-keys", { name: "k" })).json<{ key: string }>();
    await ada.ask("POST", "/password", { current: password, next: "an even better horse" });
    const text = await exported(ada);
    for (const secret of [token, key, password, "an even better horse"]) {
      expect(text).not.toContain(secret);
    }
  });
});

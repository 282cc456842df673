import { beforeAll, describe, test } from "vitest";
import { makeToken } from "@cronium/protocol/token";
import type { Role } from "@cronium/protocol/roles";
import { cookieOf, random, refusalOf, send, setUp, testEnv } from "./installation.ts";
import { accept, address, linkFor, member, owner, person, type Person } from "./people.ts";

beforeAll(async () => {
  await setUp();
});

describe("invitations", () => {
  test("somebody new joins by a link, with the role it names, and is signed in", async ({ expect }) => {
    const ada = await owner();
    const email = address();
    const token = await linkFor(ada, email.toUpperCase(), "editor");
    const view = await send("POST", "/api/v1/invitations/look-up", { body: { token } });
    expect(await view.json()).toEqual({ workspaceName: "Other", email, role: "editor", hasAccount: false });
    const joined = await accept(token);
    expect(joined.status).toBe(201);
    expect(await joined.json()).toMatchObject({ role: "editor", workspace: { id: ada.workspaceId }, user: { email } });
    const members = await (await ada.ask("GET", "/members")).json<{ items: { email: string; role: string }[] }>();
    expect(members.items.map((item) => [item.email, item.role])).toEqual([
      [ada.email, "owner"],
      [email, "editor"],
    ]);
  });

  test("somebody who has an account joins with its password, and looks at the new workspace", async ({ expect }) => {
    const [ada, ben] = [await owner(), await owner()];
    const token = await linkFor(ada, ben.email, "viewer");
    expect(await refusalOf(await accept(token, { password: "not my password" }))).toBe("403 wrong_password");
    const joined = await accept(token);
    expect(await joined.json()).toMatchObject({ role: "viewer", workspace: { id: ada.workspaceId } });
    const there = person(ben.email, ben.id, cookieOf(joined));
    const spaces = await (await there.ask("GET", "/workspaces")).json<{ items: { id: string; isActive: boolean }[] }>();
    expect(spaces.items.map((item) => [item.id, item.isActive])).toEqual([
      [ben.workspaceId, false],
      [ada.workspaceId, true],
    ]);
    // The other browser goes on where it was.
    expect(await (await ben.ask("GET", "/me")).json()).toMatchObject({ workspace: { id: ben.workspaceId } });
    const back = await there.ask("POST", "/workspaces/activate", { workspaceId: ben.workspaceId });
    expect(back.status).toBe(200);
    expect(await (await there.ask("GET", "/me")).json()).toMatchObject({ role: "owner" });
  });

  test("a link works once, not after it was withdrawn, replaced or expired, and every reason sounds the same", async ({
    expect,
  }) => {
    const ada = await owner();
    const used = await linkFor(ada, address(), "viewer");
    await accept(used);
    const again = address();
    const replaced = await linkFor(ada, again, "viewer");
    await linkFor(ada, again, "viewer");
    const expired = await linkFor(ada, address(), "viewer");
    await testEnv.DB.prepare(
      "UPDATE invitations SET expires_at = 1 WHERE hash = (SELECT hash FROM invitations WHERE workspace_id = ? ORDER BY created_at DESC, id DESC LIMIT 1)",
    )
      .bind(ada.workspaceId)
      .run();
    const listed = await (await ada.ask("GET", "/invitations")).json<{ items: { id: string; state: string }[] }>();
    expect(listed.items.map((item) => item.state).toSorted()).toEqual(["accepted", "expired", "open", "withdrawn"]);
    const open = listed.items.find((item) => item.state === "open");
    expect((await ada.ask("DELETE", `/invitations/${open?.id}`)).status).toBe(204);
    expect(await refusalOf(await ada.ask("DELETE", `/invitations/${open?.id}`))).toBe("404 not_found");
    const texts = new Set<string>();
    for (const token of [used, replaced, expired, makeToken("invitation", random(32))]) {
      const response = await accept(token);
      const problem = await response.json<{ code: string; detail: string }>();
      texts.add(`${response.status} ${problem.code} ${problem.detail}`);
    }
    expect([...texts]).toEqual(["401 invalid_invitation This invitation does not work any more."]);
    expect(await refusalOf(await accept("crni_cut"))).toBe("400 malformed_token");
  });

  test("of two who accept at the same moment one joins", async ({ expect }) => {
    const ada = await owner();
    const token = await linkFor(ada, address(), "viewer");
    const statuses = await Promise.all([accept(token), accept(token), accept(token)]);
    expect(statuses.filter((response) => response.status === 201)).toHaveLength(1);
    for (const response of statuses.filter((other) => other.status !== 201)) {
      expect(response.status).toBeLessThan(500);
    }
    const members = await (await ada.ask("GET", "/members")).json<{ items: unknown[] }>();
    expect(members.items).toHaveLength(2);
  });

  test("an invitation needs a name for a new account, and refuses a member", async ({ expect }) => {
    const ada = await owner();
    const token = await linkFor(ada, address(), "viewer");
    expect(await refusalOf(await accept(token, { name: undefined }))).toBe("422 invalid_name");
    const refused = await ada.ask("POST", "/invitations", { email: ada.email, role: "viewer" });
    expect(await refusalOf(refused)).toBe("409 already_member");
  });
});

describe("roles", () => {
  test("B45 nobody hands out, changes or takes away more than they hold", async ({ expect }) => {
    const ada = await owner();
    const [admin, editor] = [await member(ada, "admin"), await member(ada, "editor")];
    const role = (by: Person, of: Person, to: Role): Promise<Response> =>
      by.ask("PATCH", `/members/${of.id}`, { role: to });
    expect(await refusalOf(await role(editor, editor, "owner"))).toBe("403 forbidden");
    expect(await refusalOf(await role(admin, admin, "owner"))).toBe("403 forbidden");
    expect(await refusalOf(await role(admin, editor, "admin"))).toBe("403 forbidden");
    expect(await refusalOf(await role(admin, ada, "viewer"))).toBe("403 forbidden");
    expect(await refusalOf(await admin.ask("DELETE", `/members/${ada.id}`))).toBe("403 forbidden");
    const asAdmin = await admin.ask("POST", "/invitations", { email: address(), role: "admin" });
    expect(await refusalOf(asAdmin)).toBe("403 forbidden");
    expect((await role(admin, editor, "operator")).status).toBe(200);
    expect(await (await editor.ask("GET", "/me")).json()).toMatchObject({ role: "operator" });
    expect((await role(ada, admin, "owner")).status).toBe(200);
  });

  test("B45 the last owner can neither leave nor step down, also when two do at once", async ({ expect }) => {
    const ada = await owner();
    expect(await refusalOf(await ada.ask("POST", "/members/leave"))).toBe("409 last_owner");
    expect(await refusalOf(await ada.ask("PATCH", `/members/${ada.id}`, { role: "viewer" }))).toBe("409 last_owner");
    expect(await refusalOf(await ada.ask("DELETE", `/members/${ada.id}`))).toBe("409 last_owner");
    const ben = await member(ada, "owner");
    const left = await Promise.all([ada.ask("POST", "/members/leave"), ben.ask("POST", "/members/leave")]);
    expect(new Set(left.map((response) => response.status))).toEqual(new Set([204, 409]));
  });

  test("ownership is handed over in one step", async ({ expect }) => {
    const ada = await owner();
    const ben = await member(ada, "viewer");
    expect((await ada.ask("POST", "/members/transfer-ownership", { userId: ben.id })).status).toBe(204);
    expect(await (await ada.ask("GET", "/me")).json()).toMatchObject({ role: "admin" });
    expect(await (await ben.ask("GET", "/me")).json()).toMatchObject({ role: "owner" });
    const again = await ada.ask("POST", "/members/transfer-ownership", { userId: ben.id });
    expect(await refusalOf(again)).toBe("403 forbidden");
    expect(await refusalOf(await ben.ask("POST", "/members/transfer-ownership", { userId: ben.id }))).toBe(
      "422 invalid_value",
    );
  });

  test("a member who is removed is out at once, with their keys", async ({ expect }) => {
    const ada = await owner();
    const ben = await member(ada, "editor");
    const { key } = await (await ben.ask("POST", "/api-keys", { name: "mine" })).json<{ key: string }>();
    expect((await ada.ask("DELETE", `/members/${ben.id}`)).status).toBe(204);
    expect(await refusalOf(await ben.ask("GET", "/me"))).toBe("401 unauthorized");
    expect(await refusalOf(await send("GET", "/api/v1/me", { key }))).toBe("401 unauthorized");
  });

  test("T10 members and invitations of another workspace are not there", async ({ expect }) => {
    const [ada, eve] = [await owner(), await owner()];
    const ben = await member(ada, "viewer");
    await linkFor(ada, address(), "viewer");
    const { items } = await (await ada.ask("GET", "/invitations")).json<{ items: { id: string }[] }>();
    for (const [method, path, body] of [
      ["PATCH", `/members/${ben.id}`, { role: "owner" }],
      ["DELETE", `/members/${ben.id}`, undefined],
      ["DELETE", `/invitations/${items[0]?.id}`, undefined],
      ["POST", "/members/transfer-ownership", { userId: ben.id }],
      ["POST", "/workspaces/activate", { workspaceId: ada.workspaceId }],
    ] as const) {
      expect(await refusalOf(await eve.ask(method, path, body)), `${method} ${path}`).toBe("404 not_found");
    }
  });
});

describe("workspaces", () => {
  test("a person makes another workspace, renames it, and moves between them", async ({ expect }) => {
    const ada = await owner();
    const made = await ada.ask("POST", "/workspaces", { name: "Second" });
    expect(made.status).toBe(201);
    const { id } = await made.json<{ id: string }>();
    expect(await (await ada.ask("GET", "/me")).json()).toMatchObject({
      role: "owner",
      workspace: { id, name: "Second" },
    });
    expect((await ada.ask("PATCH", "/workspace", { name: "Second, renamed" })).status).toBe(200);
    await ada.ask("POST", "/workspaces/activate", { workspaceId: ada.workspaceId });
    const spaces = await (await ada.ask("GET", "/workspaces")).json<{ items: { name: string; isActive: boolean }[] }>();
    expect(spaces.items).toMatchObject([
      { name: "Other", isActive: true },
      { name: "Second, renamed", isActive: false },
    ]);
  });
});

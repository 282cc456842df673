import { beforeAll, describe, test, vi } from "vitest";
import { cookieOf, ORIGIN, password, problemOf, refusalOf, send, setUp, testEnv, type Setup } from "./installation.ts";
import { accept, address, age, linkFor, member, owner, person, type Person } from "./people.ts";

let plane: Setup;
beforeAll(async () => {
  plane = await setUp();
});

interface Printed {
  readonly email: string;
  readonly subject: string;
  readonly path: string;
}

/** What the launcher prints next for this address; waits for it. */
async function printedFor(email: string): Promise<string> {
  return vi.waitUntil(
    async () => {
      const response = await send("POST", "/launcher/messages", { body: {}, key: testEnv.LAUNCHER_KEY });
      const found = (await response.json<Printed[]>()).find((message) => message.email === email);
      return found?.path.split("#token=")[1];
    },
    { timeout: 90_000, interval: 20 },
  );
}

const ask = (path: string, body: unknown): Promise<Response> => send("POST", `/api/v1${path}`, { body });

async function resetTokenFor(email: string): Promise<string> {
  const response = await ask("/password-resets", { email });
  if (response.status !== 202) {
    throw new Error(await response.text());
  }
  return printedFor(email);
}

const signIn = (email: string, secret: string): Promise<Response> =>
  send("POST", "/api/auth/sign-in/email", { body: { email, password: secret } });

/** Owner of the workspace that the installation was set up with. */
async function host(): Promise<Person> {
  const { workspaceId } = plane;
  const email = address();
  const response = await ask("/invitations/accept", {
    token: await linkForHost(email),
    name: "Host",
    password,
  });
  const { user } = await response.json<{ user: { id: string } }>();
  await testEnv.DB.prepare("UPDATE members SET role = 'owner' WHERE workspace_id = ? AND user_id = ?")
    .bind(workspaceId, user.id)
    .run();
  return person(email, user.id, cookieOf(response));
}

async function linkForHost(email: string): Promise<string> {
  const response = await send("POST", "/api/v1/invitations", { body: { email, role: "viewer" }, key: plane.apiKey });
  return (await response.json<{ link: string }>()).link.split("#token=")[1] ?? "";
}

describe("a new password", () => {
  test("by a link that works once, ends every session, and needs no mail", async ({ expect }) => {
    const ada = await owner();
    const token = await resetTokenFor(ada.email);
    const view = await (await ask("/account-links/look-up", { token })).json();
    expect(view).toMatchObject({ kind: "reset", email: ada.email });
    const next = "an even better horse";
    expect((await ask("/account-links/reset-password", { token, password: next })).status).toBe(204);
    expect((await ada.ask("GET", "/me")).status).toBe(401);
    expect([(await signIn(ada.email, password)).status, (await signIn(ada.email, next)).status]).toEqual([401, 200]);
    expect(await refusalOf(await ask("/account-links/reset-password", { token, password }))).toBe("401 invalid_link");
    const cookie = cookieOf(await signIn(ada.email, next));
    const audit = await (await send("GET", "/api/v1/audit", { cookie })).json<{ items: { verb: string }[] }>();
    expect(audit.items[0]).toMatchObject({ verb: "account.password_reset", target: ada.id });
  });

  test("B41 has one answer for a known and an unknown address", async ({ expect }) => {
    const ada = await owner();
    const texts: string[] = [];
    for (const email of [ada.email, address()]) {
      const response = await ask("/password-resets", { email });
      expect(response.status).toBe(202);
      texts.push((await response.text()).replace(email, "…"));
    }
    expect(texts[0]).toBe(texts[1]);
    await printedFor(ada.email);
  });

  test("ends with its hour, with a newer link, and is not a link of another kind", async ({ expect }) => {
    const ada = await owner();
    const [older, newer] = [await resetTokenFor(ada.email), await resetTokenFor(ada.email)];
    const next = "an even better horse";
    const use = async (token: string): Promise<string> =>
      refusalOf(await ask("/account-links/reset-password", { token, password: next }));
    expect(await use(older)).toBe("401 invalid_link");
    expect(await refusalOf(await ask("/account-links/confirm-email", { token: newer }))).toBe("401 invalid_link");
    expect(await refusalOf(await ask("/account-links/register", { token: newer }))).toBe("403 registration_closed");
    expect(await use(newer.slice(0, -1))).toBe("400 malformed_token");
    expect(await use(await linkFor(ada, address(), "viewer"))).toBe("400 malformed_token");
    await testEnv.DB.prepare("UPDATE account_links SET expires_at = 1 WHERE email = ?").bind(ada.email).run();
    expect(await use(newer)).toBe("401 invalid_link");
    expect((await signIn(ada.email, password)).status).toBe(200);
  });

  test("of six uses at the same time, one changes it", async ({ expect }) => {
    const ada = await owner();
    const token = await resetTokenFor(ada.email);
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, at) =>
        ask("/account-links/reset-password", { token, password: `one of the six ${at}` }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 401, 401, 401, 401, 401]);
    const winner = answers.findIndex(({ status }) => status === 204);
    expect((await signIn(ada.email, `one of the six ${winner}`)).status).toBe(200);
  });

  test("is asked for five times in an hour at most, known or not", async ({ expect }) => {
    const email = address();
    const answers: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      answers.push((await ask("/password-resets", { email })).status);
    }
    expect(answers).toEqual([202, 202, 202, 202, 202, 429]);
  });

  test("whoever holds the machine gets a link for any account, and nobody else does", async ({ expect }) => {
    const ada = await owner();
    const link = async (email: string, key?: string): Promise<Response> =>
      send("POST", "/launcher/password-link", { body: { email }, ...(key === undefined ? {} : { key }) });
    expect(await (await link("nobody@example.org", testEnv.LAUNCHER_KEY)).json()).toEqual({ path: null });
    for (const key of [undefined, plane.apiKey]) {
      expect((await link(ada.email, key)).status).toBe(404);
    }
    const { path } = await (await link(ada.email, testEnv.LAUNCHER_KEY)).json<{ path: string }>();
    const token = path.split("#token=")[1];
    expect((await ask("/account-links/reset-password", { token, password: "a new horse altogether" })).status).toBe(
      204,
    );
  });
});

describe("messages without mail", () => {
  test("are for owners of the installation, after their password, and written down", async ({ expect }) => {
    const [ada, boss] = [await owner(), await host()];
    await ask("/password-resets", { email: ada.email });
    const list = async (by: Person) =>
      (await (await by.ask("GET", "/messages")).json<{ items: { id: string; email: string }[] }>()).items;
    const mine = await vi.waitUntil(async () => (await list(boss)).find((message) => message.email === ada.email), {
      timeout: 90_000,
      interval: 20,
    });
    expect(JSON.stringify(mine)).not.toContain("crnl_");
    // Ada owns a workspace too, but not the machine.
    expect(await list(ada)).toEqual([]);
    expect(await refusalOf(await ada.ask("POST", `/messages/${mine.id}/link`))).toBe("404 not_found");
    const guest = await member(ada, "admin");
    expect(await refusalOf(await guest.ask("GET", "/messages"))).toBe("403 forbidden");
    expect(await refusalOf(await send("GET", "/api/v1/messages", { key: plane.apiKey }))).toBe("403 forbidden");

    await age(boss);
    expect(await refusalOf(await boss.ask("POST", `/messages/${mine.id}/link`))).toBe("403 proof_required");
    await boss.ask("POST", "/proof", { password });
    const { path } = await (await boss.ask("POST", `/messages/${mine.id}/link`)).json<{ path: string }>();
    const audit = await (await boss.ask("GET", "/audit")).text();
    expect(audit).toContain('"message.shown"');
    expect(audit).not.toContain("crnl_");
    const token = path.split("#token=")[1];
    expect((await ask("/account-links/reset-password", { token, password: "a new horse altogether" })).status).toBe(
      204,
    );
    expect((await list(boss)).filter((message) => message.email === ada.email)).toEqual([]);
  });

  test("T10 nobody takes the place of the installation's workspace, not even when it is gone", async ({ expect }) => {
    const [ada, boss] = [await owner(), await host()];
    await ask("/password-resets", { email: ada.email });
    const count = async (by: Person): Promise<number> =>
      (await (await by.ask("GET", "/messages")).json<{ items: unknown[] }>()).items.length;
    await vi.waitUntil(async () => (await count(boss)) > 0, { timeout: 90_000, interval: 20 });
    const rename = (from: string, to: string): Promise<unknown> =>
      testEnv.DB.prepare("UPDATE workspaces SET id = ? WHERE id = ?").bind(to, from).run();
    await rename(plane.workspaceId, "gone");
    await testEnv.DB.prepare("UPDATE workspaces SET is_home = 0, created_at = 1 WHERE id = ?")
      .bind(ada.workspaceId)
      .run();
    expect(await count(ada)).toBe(0);
    await rename("gone", plane.workspaceId);
    expect(await count(boss)).toBeGreaterThan(0);
  });

  test("T27 no link is in the database in clear", async ({ expect }) => {
    const ada = await owner();
    const token = await resetTokenFor(ada.email);
    for (const table of ["messages", "account_links"]) {
      const { results } = await testEnv.DB.prepare(`SELECT * FROM ${table}`).all();
      expect(results.length, table).toBeGreaterThan(0);
      expect(JSON.stringify(results), table).not.toContain(token.slice(5, 40));
    }
  });
});

describe("one's own address", () => {
  test("is confirmed by a link, for the address that it was sent to alone", async ({ expect }) => {
    const ada = await owner();
    const account = async () => (await ada.ask("GET", "/account")).json();
    expect(await account()).toMatchObject({ email: ada.email, emailConfirmed: false, hasPassword: true });
    expect((await ada.ask("POST", "/account/email-confirmation")).status).toBe(202);
    const stale = await printedFor(ada.email);
    const other = address();
    const rename = (email: string): Promise<unknown> =>
      testEnv.DB.prepare("UPDATE user SET email = ? WHERE id = ?").bind(email, ada.id).run();
    await rename(other);
    expect(await refusalOf(await ask("/account-links/confirm-email", { token: stale }))).toBe("401 invalid_link");
    expect(await account()).toMatchObject({ email: other, emailConfirmed: false });
    await rename(ada.email);
    expect((await ada.ask("POST", "/account/email-confirmation")).status).toBe(202);
    const token = await printedFor(ada.email);
    expect((await ask("/account-links/confirm-email", { token })).status).toBe(204);
    expect(await account()).toMatchObject({ email: ada.email, emailConfirmed: true });
    expect(await refusalOf(await ask("/account-links/confirm-email", { token }))).toBe("401 invalid_link");
  });
});

describe("registration", () => {
  test("is by invitation here, and the sign-in page can tell", async ({ expect }) => {
    const options = await (await send("GET", "/api/v1/sign-in/options")).json();
    expect(options).toMatchObject({ registration: "invitation", mail: false });
    const body = { name: "Eve", email: address(), password };
    expect((await problemOf(await ask("/registrations", body))).code).toBe("registration_closed");
    expect((await accept(await linkFor(await owner(), address(), "viewer"))).status).toBe(201);
  });

  test("a page of another site cannot show a link of the owner's", async ({ expect }) => {
    const boss = await host();
    const response = await send("POST", "/api/v1/messages/msg_00000000000000000000000000/link", {
      cookie: boss.cookie,
      headers: { origin: ORIGIN.replace("plane", "evil") },
    });
    expect(await refusalOf(response)).toBe("403 origin_not_allowed");
  });
});

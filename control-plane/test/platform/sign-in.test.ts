import { beforeAll, test } from "vitest";
import { addWorkspace, claim, cookieOf, ORIGIN, password, refusalOf, send, setUp, testEnv } from "./installation.ts";

beforeAll(async () => {
  await setUp();
});

const signIn = (email: string, secret: string, headers: Record<string, string> = {}): Promise<Response> =>
  send("POST", "/api/auth/sign-in/email", { body: { email, password: secret }, headers });

test("B41 sign-in works, and a wrong password and an unknown user get the same answer", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  await claim(claimToken, "signs-in@example.org");
  const right = await signIn("Signs-In@example.org", password);
  expect(right.status).toBe(200);
  expect(await right.json()).toEqual({
    user: { id: expect.stringMatching(/^usr_/), name: "Ada", email: "signs-in@example.org" },
  });
  expect((await send("GET", "/api/v1/me", { cookie: cookieOf(right) })).status).toBe(200);

  const wrong = await (await signIn("signs-in@example.org", "wrong password")).json<Record<string, unknown>>();
  const unknown = await (await signIn("nobody@example.org", "wrong password")).json<Record<string, unknown>>();
  expect({ ...wrong, request_id: "" }).toEqual({ ...unknown, request_id: "" });
  expect(wrong).toMatchObject({ status: 401, code: "unauthorized" });
});

test("signing in makes a new session; signing out ends that one alone", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const first = cookieOf(await claim(claimToken, "sessions@example.org"));
  const second = cookieOf(await signIn("sessions@example.org", password));
  expect(second).not.toBe(first);

  const out = await send("POST", "/api/auth/sign-out", { cookie: first, headers: { origin: ORIGIN } });
  expect(out.status).toBe(200);
  expect(out.headers.getSetCookie()[0]).toMatch(/^cronium\.session=; Max-Age=0/);
  expect((await send("GET", "/api/v1/me", { cookie: first })).status).toBe(401);
  expect((await send("GET", "/api/v1/me", { cookie: second })).status).toBe(200);
});

test("T17 a session ends a week after its last use, and after thirty days in any case", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const cookie = cookieOf(await claim(claimToken, "expires@example.org"));
  const age = (column: string, days: number): Promise<unknown> =>
    testEnv.DB.prepare(
      `UPDATE session SET ${column} = ? WHERE user_id = (SELECT id FROM user WHERE email = 'expires@example.org')`,
    )
      .bind(Date.now() - days * 86_400_000)
      .run();
  const status = async (): Promise<number> => (await send("GET", "/api/v1/me", { cookie })).status;
  await age("created_at", 29);
  expect(await status()).toBe(200);
  await age("created_at", 31);
  expect(await status()).toBe(401);
  await age("created_at", 1);
  await age("expires_at", 0);
  expect(await status()).toBe(401);
});

test("a session in use is prolonged, with its cookie", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const cookie = cookieOf(await claim(claimToken, "prolonged@example.org"));
  const expiry = (): Promise<number | null> =>
    testEnv.DB.prepare(
      "SELECT expires_at FROM session WHERE user_id = (SELECT id FROM user WHERE email = 'prolonged@example.org')",
    ).first<number>("expires_at");
  await testEnv.DB.prepare("UPDATE session SET expires_at = expires_at - 86400000").run();
  const before = (await expiry()) ?? 0;
  const me = await send("GET", "/api/v1/me", { cookie });
  expect(me.headers.getSetCookie()[0]).toMatch(/^cronium\.session=.*Max-Age=604800/);
  expect((await expiry()) ?? 0).toBeGreaterThan(before + 80_000_000);
});

test("a session cookie that was changed is worth nothing", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const cookie = cookieOf(await claim(claimToken, "forged@example.org"));
  const [token] = decodeURIComponent(cookie).split(".").slice(-2);
  for (const forged of [cookie.slice(0, -4), `cronium.session=${token}`, "cronium.session=x"]) {
    expect((await send("GET", "/api/v1/me", { cookie: forged })).status, forged).toBe(401);
  }
});

test("no answer shows the session's token to a page", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const claimed = await claim(claimToken, "hidden@example.org");
  const cookie = cookieOf(claimed);
  const secret = decodeURIComponent(cookie.split("=")[1] ?? "").split(".")[0] ?? "none";
  expect(secret.length).toBeGreaterThan(20);
  const session = await send("GET", "/api/auth/get-session", { cookie });
  const signedIn = await signIn("hidden@example.org", password);
  for (const response of [claimed, session]) {
    expect(await response.text()).not.toContain(secret);
  }
  expect(Object.keys(await signedIn.json<object>())).toEqual(["user"]);
});

test("nobody can sign up, and better-auth's other routes are not there", async ({ expect }) => {
  const body = { name: "Eve", email: "eve@example.org", password };
  expect(await refusalOf(await send("POST", "/api/auth/sign-up/email", { body }))).toBe("404 not_found");
  expect(await refusalOf(await send("POST", "/api/auth/update-user", { body: {} }))).toBe("404 not_found");
  expect(await refusalOf(await send("GET", "/api/auth/list-sessions"))).toBe("404 not_found");
});

test("a page of another site cannot sign a visitor in", async ({ expect }) => {
  const response = await signIn("signs-in@example.org", password, { origin: "https://evil.example" });
  expect(await refusalOf(response)).toBe("403 origin_not_allowed");
});

test("B41 too many attempts on one account are held off, with the time to wait", async ({ expect }) => {
  const answers: string[] = [];
  for (let attempt = 0; attempt < 11; attempt += 1) {
    const response = await signIn("guessed@example.org", `guess number ${attempt}`);
    answers.push(await refusalOf(response));
    if (response.status === 429) {
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    }
  }
  expect(answers.filter((answer) => answer === "429 rate_limited")).toHaveLength(1);
  expect(answers.at(-1)).toBe("429 rate_limited");
});

test("B41 a password is the same in every Unicode form, and another one in none", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const composed = "Caf\u00e9 \ufb01ve \u2126hm";
  await send("POST", "/api/v1/claim", {
    body: { token: claimToken, name: "Ada", email: "unicode@example.org", password: composed },
  });
  const status = async (secret: string): Promise<number> => (await signIn("unicode@example.org", secret)).status;
  expect(await status(composed)).toBe(200);
  expect(await status("Cafe\u0301 five \u03a9hm")).toBe(200);
  for (const other of ["Cafe five Ohm", composed.toLowerCase(), `${composed} `, "Caf\u0435\u0301 five \u03a9hm"]) {
    expect(await status(other), JSON.stringify(other)).toBe(401);
  }
});

test("B41 passwords beyond 256 characters are refused for their length, before anything is hashed", async ({
  expect,
}) => {
  for (const length of [257, 100_000]) {
    const response = await signIn("long@example.org", "x".repeat(length));
    expect(await refusalOf(response), String(length)).toBe("422 out_of_range");
  }
  const megabyte = await signIn("long@example.org", "x".repeat(1_048_576));
  expect(["422 out_of_range", "413 body_too_large"]).toContain(await refusalOf(megabyte));
  expect((await signIn("long@example.org", "x".repeat(256))).status).toBe(401);
});

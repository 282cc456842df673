import { beforeAll, test } from "vitest";
import { codeAt } from "../../src/auth/totp.ts";
import { addWorkspace, cookieOf, ORIGIN, password, refusalOf, send, setUp, testEnv } from "./installation.ts";
import { accept, age, linkFor, owner, person, type Person } from "./people.ts";

beforeAll(async () => {
  await setUp();
});

const STEP_MS = 30_000;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** An app that was shown the secret, at the steps that it is asked for. */
class App {
  readonly #secret: Uint8Array;
  #last = Math.floor(Date.now() / STEP_MS) - 2;

  constructor(secret: string) {
    const bits = secret
      .split("")
      .map((char) => BASE32.indexOf(char).toString(2).padStart(5, "0"))
      .join("");
    this.#secret = Uint8Array.from({ length: Math.floor(bits.length / 8) }, (_, i) =>
      Number.parseInt(bits.slice(i * 8, i * 8 + 8), 2),
    );
  }

  /** A code that was not used yet: a test does not wait half a minute for the next one. */
  async fresh(user: Person): Promise<string> {
    const sql = "UPDATE second_factors SET last_step = 0 WHERE user_id = ?";
    await testEnv.DB.prepare(sql).bind(user.id).run();
    return this.now();
  }

  now(): string {
    this.#last = Math.floor(Date.now() / STEP_MS);
    return codeAt(this.#secret, this.#last);
  }

  used(): string {
    return codeAt(this.#secret, this.#last);
  }
}

interface Enrolled {
  readonly ada: Person & { readonly workspaceId: string };
  readonly app: App;
  readonly recoveryCodes: readonly string[];
}

async function enrol(): Promise<Enrolled> {
  const ada = await owner();
  const { secret } = await (await ada.ask("POST", "/account/second-factor")).json<{ secret: string }>();
  const app = new App(secret);
  const confirmed = await ada.ask("POST", "/account/second-factor/confirm", { code: app.now() });
  if (confirmed.status !== 200) {
    throw new Error(await confirmed.text());
  }
  return { ada, app, ...(await confirmed.json<{ recoveryCodes: string[] }>()) };
}

const byPassword = (email: string, secret = password): Promise<Response> =>
  send("POST", "/api/auth/sign-in/email", { body: { email, password: secret } });

async function challengeFor(email: string): Promise<string> {
  const response = await byPassword(email);
  return (await response.json<{ secondFactor: { token: string } }>()).secondFactor.token;
}

const finish = (token: string, code: string): Promise<Response> =>
  send("POST", "/api/v1/sign-in/second-factor", { body: { token, code } });

test("a password alone opens no session any more, and the code of the app does", async ({ expect }) => {
  const { ada, app } = await enrol();
  const first = await byPassword(ada.email);
  expect(first.status).toBe(200);
  expect(first.headers.getSetCookie()).toEqual([]);
  const { secondFactor } = await first.json<{ secondFactor: { token: string } }>();
  expect(await refusalOf(await finish(secondFactor.token, "000000"))).toBe("403 wrong_code");
  const done = await finish(secondFactor.token, await app.fresh(ada));
  expect(await done.clone().json()).toEqual({ user: { id: ada.id, name: "Ada", email: ada.email } });
  expect(done.headers.getSetCookie()[0]).toMatch(/^cronium\.session=[^;]+; Max-Age=604800; Path=\/; HttpOnly/);
  expect((await send("GET", "/api/v1/me", { cookie: cookieOf(done) })).status).toBe(200);
  expect(await refusalOf(await finish(secondFactor.token, await app.fresh(ada)))).toBe("401 invalid_sign_in");
});

test("a code that was used is worth nothing, not even to a second sign-in", async ({ expect }) => {
  const { ada, app } = await enrol();
  // The one that turned it on was seen by whoever looked over the shoulder.
  expect(await refusalOf(await finish(await challengeFor(ada.email), app.used()))).toBe("403 wrong_code");
  const code = await app.fresh(ada);
  const tokens = [await challengeFor(ada.email), await challengeFor(ada.email)];
  const answers = await Promise.all(tokens.map((token) => finish(token, code)));
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403]);
});

test("a recovery code works once, in any writing, and its use is written down", async ({ expect }) => {
  const { ada, recoveryCodes } = await enrol();
  expect([new Set(recoveryCodes).size, recoveryCodes[0]]).toEqual([
    10,
    expect.stringMatching(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/),
  ]);
  const [code = ""] = recoveryCodes;
  const done = await finish(await challengeFor(ada.email), ` ${code.toUpperCase().replaceAll("-", " ")}`);
  expect(done.status).toBe(200);
  expect(await refusalOf(await finish(await challengeFor(ada.email), code))).toBe("403 wrong_code");
  const account = await (await ada.ask("GET", "/account")).json();
  expect(account).toMatchObject({ secondFactor: { enabled: true, recoveryCodesLeft: 9 } });
  const audit = await (await ada.ask("GET", "/audit")).text();
  expect(audit).toContain('"account.recovery_code_used"');
  expect(audit).toContain('"account.second_factor_enabled"');
  expect(audit).not.toContain(code);
});

test("after five tries a sign-in is over, and after ten codes in five minutes the account waits", async ({
  expect,
}) => {
  const { ada, app } = await enrol();
  const tries = async (): Promise<string[]> => {
    const token = await challengeFor(ada.email);
    const answers: string[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      answers.push(await refusalOf(await finish(token, "000000")));
    }
    return answers;
  };
  const wrong = Array.from({ length: 5 }, () => "403 wrong_code");
  expect(await tries()).toEqual([...wrong, "401 invalid_sign_in"]);
  // Turning it on took one.
  expect(await tries()).toEqual([...wrong.slice(1), "429 rate_limited", "401 invalid_sign_in"]);
  expect(await refusalOf(await finish(await challengeFor(ada.email), await app.fresh(ada)))).toBe("429 rate_limited");
});

test("a sign-in that waits longer than five minutes is over, as is one of a mangled token", async ({ expect }) => {
  const { ada, app } = await enrol();
  const token = await challengeFor(ada.email);
  await testEnv.DB.prepare("UPDATE sign_in_challenges SET expires_at = 1 WHERE user_id = ?").bind(ada.id).run();
  expect(await refusalOf(await finish(token, await app.fresh(ada)))).toBe("401 invalid_sign_in");
  expect(await refusalOf(await finish(token.slice(1), await app.fresh(ada)))).toBe("400 malformed_token");
});

test("it is on once a code was given, and setting it up anew before forgets the first secret", async ({ expect }) => {
  const ada = await owner();
  const begin = async (): Promise<App> =>
    new App((await (await ada.ask("POST", "/account/second-factor")).json<{ secret: string }>()).secret);
  const [forgotten, app] = [await begin(), await begin()];
  expect((await byPassword(ada.email)).headers.getSetCookie()).toHaveLength(1);
  const confirm = (code: string): Promise<Response> => ada.ask("POST", "/account/second-factor/confirm", { code });
  expect(await refusalOf(await confirm(forgotten.now()))).toBe("403 wrong_code");
  expect((await confirm(app.now())).status).toBe(200);
  expect(await refusalOf(await ada.ask("POST", "/account/second-factor"))).toBe("412 version_conflict");
  expect(await refusalOf(await confirm(app.now()))).toBe("403 wrong_code");
});

test("T17 turning it on or off and new recovery codes need a proof, which then includes a code", async ({ expect }) => {
  const { ada, app, recoveryCodes } = await enrol();
  await age(ada);
  const acts = [
    ["POST", "/account/second-factor"],
    ["POST", "/account/second-factor/recovery-codes"],
    ["DELETE", "/account/second-factor"],
  ] as const;
  for (const [method, path] of acts) {
    expect(await refusalOf(await ada.ask(method, path)), path).toBe("403 proof_required");
  }
  expect(await refusalOf(await ada.ask("POST", "/proof", { password }))).toBe("403 second_factor_required");
  expect(await refusalOf(await ada.ask("POST", "/proof", { password, code: "000000" }))).toBe("403 wrong_code");
  expect((await ada.ask("POST", "/proof", { password, code: await app.fresh(ada) })).status).toBe(200);
  const renewed = await ada.ask("POST", "/account/second-factor/recovery-codes");
  const { recoveryCodes: newer } = await renewed.json<{ recoveryCodes: string[] }>();
  expect(await refusalOf(await finish(await challengeFor(ada.email), recoveryCodes[0] ?? ""))).toBe("403 wrong_code");
  expect((await finish(await challengeFor(ada.email), newer[0] ?? "")).status).toBe(200);
  expect((await ada.ask("DELETE", "/account/second-factor")).status).toBe(204);
  expect((await byPassword(ada.email)).headers.getSetCookie()).toHaveLength(1);
  expect(await refusalOf(await ada.ask("DELETE", "/account/second-factor"))).toBe("404 not_found");
});

test("no way in goes past it: neither an invitation, nor a new password, nor a device", async ({ expect }) => {
  const { ada, app } = await enrol();
  const eve = await owner();
  const token = await linkFor(eve, ada.email, "viewer");
  expect(await refusalOf(await accept(token))).toBe("403 second_factor_required");
  expect(await refusalOf(await accept(token, { code: "000000" }))).toBe("403 wrong_code");
  expect((await accept(token, { code: await app.fresh(ada) })).status).toBe(201);

  const asked = await send("POST", "/launcher/password-link", {
    body: { email: ada.email },
    key: testEnv.LAUNCHER_KEY,
  });
  const link = (await asked.json<{ path: string }>()).path.split("#token=")[1];
  const next = "an even better horse";
  await send("POST", "/api/v1/account-links/reset-password", { body: { token: link, password: next } });
  const answer = await byPassword(ada.email, next);
  expect([answer.headers.getSetCookie(), Object.keys(await answer.json<object>())]).toEqual([[], ["secondFactor"]]);

  // A device is let in by a person who is signed in, and so has given the code.
  const device = await send("POST", "/api/v1/device/code", { body: { client_id: "cronium-cli" } });
  const { user_code: userCode } = await device.json<{ user_code: string }>();
  expect(userCode).toBeTypeOf("string");
  const approve = (cookie: string): Promise<Response> =>
    send("POST", "/api/v1/device/approve", { cookie, headers: { origin: ORIGIN }, body: { userCode, role: "viewer" } });
  expect((await approve(ada.cookie)).status).toBe(401);
  const signedIn = await finish(
    (await (await byPassword(ada.email, next)).json<{ secondFactor: { token: string } }>()).secondFactor.token,
    await app.fresh(ada),
  );
  expect((await approve(cookieOf(signedIn))).status).toBe(200);
});

test("whoever holds the machine turns it off for a lost app", async ({ expect }) => {
  const { ada } = await enrol();
  const body = { email: ada.email, withoutSecondFactor: true };
  expect((await send("POST", "/launcher/password-link", { body, key: testEnv.LAUNCHER_KEY })).status).toBe(200);
  expect((await byPassword(ada.email)).headers.getSetCookie()).toHaveLength(1);
});

test("T27 neither secret nor codes are in the database in clear, and keys have no second factor", async ({
  expect,
}) => {
  const ada = await owner();
  const { secret } = await (await ada.ask("POST", "/account/second-factor")).json<{ secret: string }>();
  const confirmed = await ada.ask("POST", "/account/second-factor/confirm", { code: new App(secret).now() });
  const { recoveryCodes } = await confirmed.json<{ recoveryCodes: string[] }>();
  for (const table of ["second_factors", "recovery_codes", "account_audit"]) {
    const text = JSON.stringify((await testEnv.DB.prepare(`SELECT * FROM ${table}`).all()).results);
    for (const clear of [secret, ...recoveryCodes, ...recoveryCodes.map((code) => code.replaceAll("-", ""))]) {
      expect(text.includes(clear), table).toBe(false);
    }
  }
  const { keyFor } = await addWorkspace();
  const key = await keyFor("owner");
  expect(await refusalOf(await send("POST", "/api/v1/account/second-factor", { key }))).toBe("403 forbidden");
});

test("B41 refused passwords, codes, keys and links are counted", async ({ expect }) => {
  const { ada } = await enrol();
  const read = async (): Promise<Record<string, number>> => {
    const text = await (await send("GET", "/metrics", { cookie: ada.cookie })).text();
    return Object.fromEntries(
      [...text.matchAll(/^cronium_auth_failures_total\{.*kind="(\w+)"\} (\d+)$/gm)].map((m) => [m[1], Number(m[2])]),
    );
  };
  const before = await read();
  await byPassword(ada.email, "wrong password");
  await finish(await challengeFor(ada.email), "000000");
  await send("GET", "/api/v1/me", { key: "crnk_wrong" });
  const after = await read();
  for (const kind of ["password", "second_factor", "api_key"]) {
    expect((after[kind] ?? 0) - (before[kind] ?? 0), kind).toBe(1);
  }
  expect(Object.keys(after).toSorted()).toEqual([
    "api_key",
    "link",
    "passkey",
    "password",
    "provider",
    "second_factor",
  ]);
});

test("somebody else's session has nothing of it", async ({ expect }) => {
  const { ada } = await enrol();
  const eve = person("eve", "usr_eve", ada.cookie.replace(/.$/, "x"));
  expect((await eve.ask("DELETE", "/account/second-factor")).status).toBe(401);
});

import { beforeAll, test } from "vitest";
import { CLI_CLIENT_ID, DEVICE_GRANT, type DeviceCodeResponse } from "@cronium/protocol/api/device";
import { isWholeToken } from "@cronium/protocol/token";
import { hashToken } from "../../src/auth/token-hash.ts";
import {
  addWorkspace,
  claim,
  cookieOf,
  ORIGIN,
  problemOf,
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

let people = 0;

/** A signed-in person with this role in a workspace of their own. */
async function person(role = "owner"): Promise<{ readonly cookie: string; readonly workspaceId: string }> {
  const { claimToken, workspaceId } = await addWorkspace();
  people += 1;
  const cookie = cookieOf(await claim(claimToken, `device${people}@example.org`));
  await testEnv.DB.prepare("UPDATE members SET role = ? WHERE workspace_id = ?").bind(role, workspaceId).run();
  return { cookie, workspaceId };
}

async function ask(change: Record<string, unknown> = {}): Promise<DeviceCodeResponse> {
  const response = await send("POST", "/api/v1/device/code", { body: { client_id: CLI_CLIENT_ID, ...change } });
  if (response.status !== 200) {
    throw new Error(await response.text());
  }
  return response.json();
}

const poll = (deviceCode: string): Promise<Response> =>
  send("POST", "/api/v1/device/token", {
    body: { grant_type: DEVICE_GRANT, device_code: deviceCode, client_id: CLI_CLIENT_ID },
  });

/** What a poll is told: status and error. */
async function told(deviceCode: string): Promise<string> {
  const response = await poll(deviceCode);
  const body = await response.json<{ error?: string }>();
  return `${response.status} ${body.error ?? "granted"}`;
}

const decide = (verb: string, cookie: string, body: object): Promise<Response> =>
  send("POST", `/api/v1/device/${verb}`, { cookie, body, headers: { origin: ORIGIN } });

const change = (deviceCode: string, sql: string): Promise<unknown> =>
  hashToken(deviceCode).then((hash) =>
    testEnv.DB.prepare(`UPDATE device_logins SET ${sql} WHERE device_hash = ?`).bind(hash).run(),
  );

test("a person lets a device in, and its key acts with the role that was chosen, once", async ({ expect }) => {
  const { cookie, workspaceId } = await person();
  const codes = await ask({ device_name: "ada's laptop", scope: "editor" });
  expect(codes).toMatchObject({
    user_code: expect.stringMatching(/^[B-Z]{4}-[B-Z]{4}$/),
    verification_uri: `${ORIGIN}/device`,
    verification_uri_complete: `${ORIGIN}/device#code=${codes.user_code}`,
    expires_in: 600,
    interval: 5,
  });
  expect(await told(codes.device_code)).toBe("400 authorization_pending");

  const shown = await decide("lookup", cookie, { userCode: codes.user_code.toLowerCase().replace("-", " ") });
  expect(await shown.json()).toMatchObject({
    userCode: codes.user_code,
    deviceName: "ada's laptop",
    address: null,
    workspace: { id: workspaceId },
    role: "editor",
    roles: ["owner", "admin", "editor", "operator", "viewer"],
  });
  const approved = await decide("approve", cookie, {
    userCode: codes.user_code,
    role: "operator",
    keyExpiresInDays: 30,
  });
  expect([approved.status, await approved.json()]).toEqual([200, { decision: "approved" }]);

  const granted = await poll(codes.device_code);
  expect([granted.status, granted.headers.get("cache-control")]).toEqual([200, "no-store"]);
  const token = await granted.json<{ access_token: string; key_id: string }>();
  expect(token).toMatchObject({ token_type: "Bearer", expires_in: 30 * 86_400, scope: "operator" });
  expect(isWholeToken("apiKey", token.access_token)).toBe(true);
  const me = await send("GET", "/api/v1/me", { key: token.access_token });
  expect(await me.json()).toMatchObject({ workspace: { id: workspaceId }, role: "operator", via: "api_key" });
  expect(await told(codes.device_code)).toBe("400 invalid_grant");

  const row = await testEnv.DB.prepare("SELECT * FROM api_keys WHERE id = ?").bind(token.key_id).first();
  expect(row).toMatchObject({ name: "cronium CLI on ada's laptop", created_by: expect.stringMatching(/^usr_/) });
});

test("T18 nothing that could be used is stored in clear", async ({ expect }) => {
  const { cookie } = await person();
  const codes = await ask();
  await decide("approve", cookie, { userCode: codes.user_code, role: "viewer" });
  const { access_token: key } = await (await poll(codes.device_code)).json<{ access_token: string }>();
  const tables = ["device_logins", "device_guesses", "api_keys"];
  const stored = await Promise.all(tables.map((table) => testEnv.DB.prepare(`SELECT * FROM ${table}`).all()));
  const text = JSON.stringify(stored.map(({ results }) => results));
  for (const secret of [codes.device_code, codes.user_code, codes.user_code.replace("-", ""), key]) {
    expect(text).not.toContain(secret);
  }
  expect(text).toContain(await hashToken(key));
});

test("T18 no GET grants anything, with or without the code in the address", async ({ expect }) => {
  const { cookie } = await person();
  const codes = await ask();
  for (const verb of ["code", "token", "lookup", "approve", "deny", "revoke"]) {
    for (const query of ["", `?userCode=${codes.user_code}&role=owner`]) {
      const response = await send("GET", `/api/v1/device/${verb}${query}`, { cookie });
      expect(await refusalOf(response), verb).toBe("405 method_not_allowed");
      expect(response.headers.get("allow")).toBe("POST");
    }
  }
  const page = await send("GET", `/device?code=${codes.user_code}`, { cookie });
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(await told(codes.device_code)).toBe("400 authorization_pending");
});

test("T18 a page of another site cannot approve, nor can an API key", async ({ expect }) => {
  const { cookie } = await person();
  const codes = await ask();
  const body = { userCode: codes.user_code, role: "viewer" };
  for (const headers of [{}, { origin: "https://evil.example" }, { origin: ORIGIN, "sec-fetch-site": "cross-site" }]) {
    const response = await send("POST", "/api/v1/device/approve", { cookie, body, headers });
    expect(await refusalOf(response), JSON.stringify(headers)).toBe("403 origin_not_allowed");
  }
  for (const verb of ["approve", "lookup", "deny"]) {
    const sent = verb === "approve" ? body : { userCode: codes.user_code };
    const response = await send("POST", `/api/v1/device/${verb}`, { key: plane.apiKey, body: sent });
    expect(await refusalOf(response), verb).toBe("403 forbidden");
  }
  expect(await refusalOf(await send("POST", "/api/v1/device/approve", { body }))).toBe("401 unauthorized");
  expect(await told(codes.device_code)).toBe("400 authorization_pending");
});

test("T18 letting a device in needs a password given lately, and the audit says who decided what", async ({
  expect,
}) => {
  const { cookie, workspaceId } = await person();
  const [first, second] = [await ask({ device_name: "build box" }), await ask()];
  const approval = { userCode: first.user_code, role: "viewer", keyExpiresInDays: 7 };
  const prove = (until: number): Promise<unknown> =>
    testEnv.DB.prepare(
      "UPDATE session SET proven_until = ?, created_at = created_at - 7200000 WHERE user_id IN (SELECT user_id FROM members WHERE workspace_id = ?)",
    )
      .bind(until, workspaceId)
      .run();
  await prove(0);
  expect(await refusalOf(await decide("approve", cookie, approval))).toBe("403 proof_required");
  expect(await told(first.device_code)).toBe("400 authorization_pending");

  await prove(Date.now() + 600_000);
  expect((await decide("approve", cookie, approval)).status).toBe(200);
  expect((await decide("deny", cookie, { userCode: second.user_code })).status).toBe(200);
  const audit = await send("GET", "/api/v1/audit?verb=device_login.", { cookie });
  const { items } = await audit.json<{ items: unknown[] }>();
  expect(items).toMatchObject([
    { verb: "device_login.denied", target: "a device without a name" },
    {
      verb: "device_login.approved",
      target: "build box",
      actor: { kind: "user" },
      after: { role: "viewer", keyLifeMs: 604_800_000 },
    },
  ]);
});

test("T26 the key of a device is in the audit under its own id, as every other key", async ({ expect }) => {
  const { cookie } = await person();
  const { device_code, user_code } = await ask({ device_name: "build box" });
  const approval = { userCode: user_code, role: "viewer", keyExpiresInDays: 7 };
  expect((await decide("approve", cookie, approval)).status).toBe(200);
  // Of several polls at once, one gets the key, and one entry tells of it.
  const polls = await Promise.all(Array.from({ length: 5 }, () => poll(device_code)));
  const won = polls.filter(({ status }) => status === 200);
  const [only, ...others] = await Promise.all(
    won.map((response) => response.json<{ key_id: string; access_token: string }>()),
  );
  expect(others).toEqual([]);
  const { key_id, access_token } = only ?? { key_id: "none", access_token: "none" };
  const audit = await send("GET", "/api/v1/audit?verb=api_key.", { cookie });
  const text = await audit.text();
  expect(text).not.toContain(access_token);
  expect((JSON.parse(text) as { items: unknown[] }).items).toMatchObject([
    {
      verb: "api_key.created",
      target: key_id,
      actor: { kind: "user" },
      after: { name: "cronium CLI on build box", role: "viewer", by: "device_login" },
    },
  ]);
  expect(await (await send("GET", "/api/v1/audit/verify", { cookie })).json()).toMatchObject({ isIntact: true });
});

test("T18 nobody hands out more than their own role, and what is asked for is cut down to it", async ({ expect }) => {
  const { cookie } = await person("operator");
  const codes = await ask({ scope: "owner" });
  const shown = await decide("lookup", cookie, { userCode: codes.user_code });
  expect(await shown.json()).toMatchObject({ role: "operator", roles: ["operator", "viewer"] });
  for (const role of ["owner", "admin", "editor"]) {
    const response = await decide("approve", cookie, { userCode: codes.user_code, role });
    expect(await refusalOf(response), role).toBe("403 forbidden");
  }
  expect((await decide("approve", cookie, { userCode: codes.user_code, role: "operator" })).status).toBe(200);
});

test("T18 a role lost between approval and key is lost for the key too", async ({ expect }) => {
  const { cookie, workspaceId } = await person();
  const [demoted, removed] = [await ask(), await ask()];
  for (const { user_code: userCode } of [demoted, removed]) {
    await decide("approve", cookie, { userCode, role: "admin" });
  }
  await testEnv.DB.prepare("UPDATE members SET role = 'viewer' WHERE workspace_id = ?").bind(workspaceId).run();
  expect(await (await poll(demoted.device_code)).json()).toMatchObject({ scope: "viewer" });
  await testEnv.DB.prepare("DELETE FROM members WHERE workspace_id = ?").bind(workspaceId).run();
  expect(await told(removed.device_code)).toBe("400 access_denied");
});

test("T18 after five wrong codes a person waits, and a right one does not count", async ({ expect }) => {
  const { cookie } = await person();
  const { cookie: other } = await person();
  const codes = await ask();
  const look = (who: string, userCode: string): Promise<Response> => decide("lookup", who, { userCode });
  for (let round = 0; round < 8; round += 1) {
    expect((await look(cookie, codes.user_code)).status).toBe(200);
  }
  for (const wrong of ["BBBB-BBBB", "nonsense", "", "CCCC-CCCC"]) {
    expect(await refusalOf(await look(cookie, wrong)), wrong).toBe("404 invalid_user_code");
  }
  const fifth = await decide("approve", cookie, { userCode: "DDDD-DDDD", role: "viewer" });
  expect(await refusalOf(fifth)).toBe("404 invalid_user_code");
  const held = await look(cookie, codes.user_code);
  expect(Number(held.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refusalOf(held)).toBe("429 rate_limited");
  const approval = await decide("approve", cookie, { userCode: codes.user_code, role: "viewer" });
  expect(await refusalOf(approval)).toBe("429 rate_limited");
  expect((await look(other, codes.user_code)).status).toBe(200);

  await testEnv.DB.prepare("UPDATE device_guesses SET since = since - 600000").run();
  expect((await look(cookie, codes.user_code)).status).toBe(200);
});

test("T18 twenty guesses at the same time get no more than five answers", async ({ expect }) => {
  const { cookie } = await person();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => decide("lookup", cookie, { userCode: "BBBB-BBBB" }).then(refusalOf)),
  );
  expect(answers.filter((answer) => answer === "404 invalid_user_code")).toHaveLength(5);
  expect(answers.filter((answer) => answer === "429 rate_limited")).toHaveLength(15);
});

test("B43 a wrong, mangled or foreign device code is an invalid grant", async ({ expect }) => {
  const { device_code: right } = await ask();
  for (const wrong of ["x", right.slice(0, -1), `${right} `, plane.apiKey, right.replace("crnd_", "crnk_")]) {
    expect(await told(wrong), wrong).toBe("400 invalid_grant");
  }
});

test("B43 after ten minutes the codes are worth nothing, approved or not", async ({ expect }) => {
  const { cookie } = await person();
  const [waiting, approved] = [await ask(), await ask()];
  await decide("approve", cookie, { userCode: approved.user_code, role: "viewer" });
  for (const { device_code: code, user_code: userCode } of [waiting, approved]) {
    await change(code, "expires_at = 1");
    expect(await told(code)).toBe("400 expired_token");
    expect(await refusalOf(await decide("lookup", cookie, { userCode }))).toBe("404 invalid_user_code");
    expect(await refusalOf(await decide("approve", cookie, { userCode, role: "viewer" }))).toBe(
      "404 invalid_user_code",
    );
  }
  // The next login sweeps out what ended long ago.
  await ask();
  expect(await told(waiting.device_code)).toBe("400 invalid_grant");
});

test("B43 a program that polls too fast is slowed down, and served again once it waits", async ({ expect }) => {
  const codes = await ask();
  expect(await told(codes.device_code)).toBe("400 authorization_pending");
  const early = await (await poll(codes.device_code)).json<Record<string, string>>();
  expect(early).toEqual({ error: "slow_down", error_description: "Ask no more often than every 10 s." });
  await change(codes.device_code, "polled_at = polled_at - 6000");
  expect(await told(codes.device_code)).toBe("400 slow_down");
  await change(codes.device_code, "polled_at = polled_at - 16000");
  expect(await told(codes.device_code)).toBe("400 authorization_pending");
});

test("B43 a login is approved once, whoever comes second, and of eight polls one gets the key", async ({ expect }) => {
  const [{ cookie }, { cookie: other }] = [await person(), await person()];
  const codes = await ask();
  const approve = (who: string): Promise<Response> =>
    decide("approve", who, { userCode: codes.user_code, role: "viewer" });
  const statuses = (await Promise.all([approve(cookie), approve(other), approve(cookie)])).map(({ status }) => status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 404, 404]);
  expect(await refusalOf(await approve(cookie))).toBe("404 invalid_user_code");
  expect(await refusalOf(await decide("deny", cookie, { userCode: codes.user_code }))).toBe("404 invalid_user_code");
  const answers = await Promise.all(Array.from({ length: 8 }, () => told(codes.device_code)));
  expect(answers.toSorted()).toEqual(["200 granted", ...Array<string>(7).fill("400 invalid_grant")]);
});

test("B43 a denied login stays denied", async ({ expect }) => {
  const { cookie } = await person();
  const codes = await ask();
  const denied = await decide("deny", cookie, { userCode: codes.user_code });
  expect(await denied.json()).toEqual({ decision: "denied" });
  expect(await told(codes.device_code)).toBe("400 access_denied");
  const late = await decide("approve", cookie, { userCode: codes.user_code, role: "viewer" });
  expect(await refusalOf(late)).toBe("404 invalid_user_code");
  expect(await told(codes.device_code)).toBe("400 access_denied");
});

test("a form, as the RFC has it, is read like JSON, and refusals name what is wrong with a request", async ({
  expect,
}) => {
  const form = (path: string, body: string): Promise<Response> =>
    send("POST", `/api/v1/device/${path}`, {
      body,
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
  const codes = await (
    await form("code", `client_id=${CLI_CLIENT_ID}&device_name=build+box`)
  ).json<DeviceCodeResponse>();
  const right = `grant_type=${encodeURIComponent(DEVICE_GRANT)}&device_code=${codes.device_code}&client_id=${CLI_CLIENT_ID}`;
  expect(await (await form("token", right)).json()).toMatchObject({ error: "authorization_pending" });
  const refusals: readonly (readonly [string, string, string])[] = [
    ["code", "", "invalid_request"],
    ["code", "client_id=someone", "invalid_client"],
    ["code", `client_id=${CLI_CLIENT_ID}&scope=root`, "invalid_scope"],
    ["code", `client_id=${CLI_CLIENT_ID}&device_name=${"x".repeat(201)}`, "invalid_request"],
    ["token", right.replace(/grant_type=[^&]+/, "grant_type=password"), "unsupported_grant_type"],
    ["token", right.replace(/&device_code=[^&]+/, ""), "invalid_request"],
    ["revoke", "", "invalid_request"],
  ];
  for (const [path, body, error] of refusals) {
    const response = await form(path, body);
    expect([response.status, response.headers.get("cache-control")], body).toEqual([400, "no-store"]);
    expect(await response.json(), body).toMatchObject({ error });
  }
  expect(await refusalOf(await form("code", "client_id=a&client_id=b"))).toBe("400 duplicate_key");
  expect(await refusalOf(await form("code", "__proto__=a"))).toBe("422 forbidden_key");
  const text = send("POST", "/api/v1/device/code", { body: "hello", headers: { "content-type": "text/plain" } });
  expect(await refusalOf(await text)).toBe("415 unsupported_media_type");
  // Everywhere else a form stays refused: browsers send one across sites without asking.
  const elsewhere = send("POST", "/api/v1/runs", {
    body: "runtime=bash",
    key: plane.apiKey,
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  expect(await refusalOf(await elsewhere)).toBe("415 unsupported_media_type");
});

test("a key is ended by handing it in, and an unknown one is no error", async ({ expect }) => {
  const { keyFor } = await addWorkspace();
  const key = await keyFor("viewer");
  expect((await send("GET", "/api/v1/me", { key })).status).toBe(200);
  for (const token of [key, key, "unknown"]) {
    const response = await send("POST", "/api/v1/device/revoke", { body: { token } });
    expect([response.status, await response.json()]).toEqual([200, {}]);
  }
  expect((await problemOf(await send("GET", "/api/v1/me", { key }))).code).toBe("unauthorized");
});

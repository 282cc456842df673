import { parseRange } from "../../src/domain/ip-address.ts";
import { mailService } from "../../src/outbound/mail.ts";
import { beforeAll, inject, test } from "vitest";
import type { SentMail } from "../strangers.ts";
import { configured, type Configured } from "./configured.ts";
import { cookieOf, ORIGIN, password, refusalOf, setUp, testEnv } from "./installation.ts";
import { address, owner } from "./people.ts";

let plane: Configured;
/** The same without anybody's machine behind it, and so without a list of messages. */
let hosted: Configured;

beforeAll(async () => {
  await setUp();
  const mail = {
    MAIL_URL: `${inject("strangers")}/mail`,
    MAIL_TOKEN: "token of the mail service",
    MAIL_FROM: "Cronium <cronium@example.org>",
    PUBLIC_URL: ORIGIN,
  };
  const networks = { OUTBOUND_NETWORKS: "127.0.0.0/8" };
  plane = configured({ ...mail, ...networks, REGISTRATION: "open" });
  // Hosted, no private network can be opened: here the service on this machine stands for one on the internet.
  const loopback = parseRange("127.0.0.0/8");
  const mailer = mailService(
    {
      rules: { networks: loopback === null ? [] : [loopback], ownHosts: [] },
      resolve: null,
      fetch: (request) => fetch(request),
    },
    { url: mail.MAIL_URL, token: mail.MAIL_TOKEN, from: mail.MAIL_FROM, publicUrl: ORIGIN },
    null,
  );
  hosted = configured({ ...mail, LAUNCHER_KEY: undefined }, { mailer });
});

async function mailTo(email: string): Promise<SentMail[]> {
  const response = await fetch(`${inject("strangers")}/mail/sent?to=${encodeURIComponent(email)}`);
  return response.json();
}

const tokenIn = (mail: SentMail | undefined): string => /#token=(\S+)/.exec(mail?.text ?? "")?.[1] ?? "none";

const ask = (on: Configured, path: string, body: unknown): Promise<Response> =>
  on.send("POST", `/api/v1${path}`, { body });

test("anybody makes an account and a workspace of their own, once the address is confirmed by mail", async ({
  expect,
}) => {
  const email = address();
  const request = { name: "Grace", email: email.toUpperCase().replace("EXAMPLE.ORG", "example.org"), password };
  expect((await ask(plane, "/registrations", request)).status).toBe(202);
  const [mail, ...more] = await mailTo(email);
  expect(more).toEqual([]);
  expect(mail).toMatchObject({
    authorization: "Bearer token of the mail service",
    from: "Cronium <cronium@example.org>",
    subject: "Confirm your Cronium account",
  });
  expect(mail?.text).toContain(`${ORIGIN}/link#token=crnl_`);
  const signIn = { body: { email, password } };
  expect((await plane.send("POST", "/api/auth/sign-in/email", signIn)).status).toBe(401);

  const made = await ask(plane, "/account-links/register", { token: tokenIn(mail) });
  expect(made.status).toBe(201);
  expect(await made.clone().json()).toMatchObject({
    user: { name: "Grace", email },
    workspace: { name: "Grace's workspace" },
    role: "owner",
  });
  const cookie = cookieOf(made);
  const account = await plane.send("GET", "/api/v1/account", { cookie });
  expect(await account.json()).toMatchObject({ email, emailConfirmed: true });
  expect((await plane.send("POST", "/api/auth/sign-in/email", signIn)).status).toBe(200);
  const again = await ask(plane, "/account-links/register", { token: tokenIn(mail) });
  expect(await refusalOf(again)).toBe("401 invalid_link");
  const audit = await (await plane.send("GET", "/api/v1/audit", { cookie })).json<{ items: { verb: string }[] }>();
  expect(audit.items.map((entry) => entry.verb)).toEqual(["workspace.created"]);
});

test("an address that has an account gets the same answer, and is told by mail", async ({ expect }) => {
  const ada = await owner();
  const other = address();
  const texts: string[] = [];
  for (const email of [ada.email, other]) {
    const response = await ask(plane, "/registrations", { name: "Eve", email, password });
    expect(response.status).toBe(202);
    texts.push((await response.text()).replace(email, "…"));
  }
  expect(texts[0]).toBe(texts[1]);
  const [mail] = await mailTo(ada.email);
  expect(mail?.subject).toBe("Your Cronium account");
  expect(mail?.text).not.toContain("#token=");
  expect((await plane.send("GET", "/api/v1/me", { cookie: ada.cookie })).status).toBe(200);
});

test("an address that got an account meanwhile does not get a second one", async ({ expect }) => {
  const email = address();
  await ask(plane, "/registrations", { name: "Eve", email, password });
  const [mail] = await mailTo(email);
  await testEnv.DB.prepare("INSERT INTO user (id, name, email, created_at, updated_at) VALUES (?, 'X', ?, 0, 0)")
    .bind(`usr_${email}`, email)
    .run();
  const response = await ask(plane, "/account-links/register", { token: tokenIn(mail) });
  expect(await refusalOf(response)).toBe("401 invalid_link");
  const { results } = await testEnv.DB.prepare("SELECT id FROM workspaces WHERE name = ?")
    .bind("Eve's workspace")
    .all();
  expect(results).toEqual([]);
});

test("hosted it is open by itself where mail is sent, and never keeps links for anybody to read", async ({
  expect,
}) => {
  expect(await (await hosted.send("GET", "/api/v1/sign-in/options")).json()).toMatchObject({
    registration: "open",
    mail: true,
  });
  const count = async (): Promise<number> =>
    (await testEnv.DB.prepare("SELECT count(*) AS n FROM messages").first<number>("n")) ?? 0;
  const before = await count();
  const email = `refused-${address()}`;
  expect((await ask(hosted, "/registrations", { name: "Eve", email, password })).status).toBe(202);
  expect(await count()).toBe(before);
  // On a machine of one's own, its owner finds what the service did not take.
  expect((await ask(plane, "/registrations", { name: "Eve", email, password })).status).toBe(202);
  expect(await count()).toBe(before + 1);
});

test("a request that names another host cannot turn links in mail away", async ({ expect }) => {
  const ada = await owner();
  await plane.send("POST", "/api/v1/password-resets", {
    body: { email: ada.email },
    origin: "https://evil.example",
  });
  const [mail] = await mailTo(ada.email);
  expect(mail?.text).toContain(`${ORIGIN}/link#token=`);
  expect(mail?.text).not.toContain("evil");
});

test("invitations go out by mail too", async ({ expect }) => {
  const ada = await owner();
  const email = address();
  const response = await plane.send("POST", "/api/v1/invitations", {
    body: { email, role: "viewer" },
    cookie: ada.cookie,
    headers: { origin: ORIGIN },
  });
  expect(response.status).toBe(201);
  const [mail] = await mailTo(email);
  expect(mail?.text).toContain(`${ORIGIN}/join#token=crni_`);
});

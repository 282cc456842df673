import { providerRequests } from "../../src/outbound/providers.ts";
import { beforeAll, beforeEach, describe, inject, test } from "vitest";
import { type Account, CLIENT } from "../identity-providers.ts";
import { configured, type Configured } from "./configured.ts";
import { ORIGIN, password, refusalOf, send, setUp, testEnv } from "./installation.ts";
import { address, linkFor, accept, owner, type Person } from "./people.ts";

let plane: Configured;
/** The same where nobody makes an account by themselves. */
let invited: Configured;

beforeAll(async () => {
  await setUp();
});

/** What lets the control plane reach a provider in the operator's own network. */
const onThisMachine = { OUTBOUND_NETWORKS: "127.0.0.0/8" };

// Anew for each test: all come from one address, which has a limit.
beforeEach(() => {
  const strangers = inject("strangers");
  const settings = {
    ...onThisMachine,
    OIDC_ISSUER: `${strangers}/oidc`,
    OIDC_CLIENT_ID: CLIENT.id,
    OIDC_CLIENT_SECRET: CLIENT.secret,
    OIDC_NAME: "Example Login",
    GITHUB_CLIENT_ID: CLIENT.id,
    GITHUB_CLIENT_SECRET: CLIENT.secret,
    GITHUB_URL: `${strangers}/github`,
    GITHUB_API_URL: `${strangers}/github/api`,
  };
  plane = configured({ ...settings, REGISTRATION: "open" });
  invited = configured(settings);
});

type Provider = "oidc" | "github";
let subjects = 1_000;
const subject = (): string => String((subjects += 1));

interface Away {
  readonly url: URL;
  readonly cookie: string;
}

const cookieNamed = (response: Response, name: string): string | undefined =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0] ?? "")
    .find((cookie) => cookie.startsWith(`${name}=`) && !cookie.endsWith("="));

async function leave(provider: Provider, on = plane, returnTo = "/runs?state=failed"): Promise<Away> {
  const response = await on.send("POST", `/api/v1/sign-in/providers/${provider}`, {
    body: { returnTo },
    headers: { origin: ORIGIN },
  });
  const { url } = await response.json<{ url: string }>();
  return { url: new URL(url), cookie: cookieNamed(response, "cronium.away") ?? "none" };
}

/** What the browser is sent back with, once the person has signed in there. */
async function there({ url }: Away, account: Account): Promise<string> {
  const authorize = new URL(url);
  authorize.searchParams.set("as", JSON.stringify(account));
  const response = await fetch(authorize, { redirect: "manual" });
  const back = new URL(response.headers.get("location") ?? "");
  return back.pathname + back.search;
}

const arrive = (path: string, cookie: string, on = plane): Promise<Response> => on.send("GET", path, { cookie });

async function signInAs(provider: Provider, account: Account, on = plane): Promise<Response> {
  const away = await leave(provider, on);
  return arrive(await there(away, account), away.cookie, on);
}

/** Where it ended: the page, without the site's own address. */
const pageOf = (response: Response): string | null => response.headers.get("location");

async function whoIs(response: Response): Promise<unknown> {
  const cookie = cookieNamed(response, "cronium.session");
  if (cookie === undefined) {
    return null;
  }
  return (await plane.send("GET", "/api/v1/me", { cookie })).json();
}

const confirmAddress = (person: Person): Promise<unknown> =>
  testEnv.DB.prepare("UPDATE user SET email_verified = 1 WHERE id = ?").bind(person.id).run();

test("the sign-in page offers what is set up, and nothing else is there", async ({ expect }) => {
  const options = async (on: Pick<Configured, "send">) =>
    (await (await on.send("GET", "/api/v1/sign-in/options")).json<{ providers: unknown }>()).providers;
  expect(await options(plane)).toEqual([
    { id: "github", name: "GitHub" },
    { id: "oidc", name: "Example Login" },
  ]);
  expect(await options({ send })).toEqual([]);
  const bare = await send("POST", "/api/v1/sign-in/providers/github", { body: {} });
  expect(await refusalOf(bare)).toBe("404 not_found");
  expect(await refusalOf(await send("GET", "/api/auth/callback/github?code=1&state=2"))).toBe("404 not_found");
});

describe.each(["oidc", "github"] as const)("%s", (provider) => {
  test("makes an account with a confirmed address where registration is open, and opens it again", async ({
    expect,
  }) => {
    const account = { sub: subject(), email: address().toUpperCase(), verified: true, name: "Grace" };
    const first = await signInAs(provider, account);
    expect([first.status, pageOf(first)]).toEqual([302, "/runs?state=failed"]);
    const me = await whoIs(first);
    expect(me).toMatchObject({ user: { name: "Grace", email: account.email.toLowerCase() }, role: "owner" });
    // The address may change there: the identity stays the same.
    const again = await signInAs(provider, { ...account, email: address() }, invited);
    expect(await whoIs(again)).toEqual(me);
    const own = await plane.send("GET", "/api/v1/account", { cookie: cookieNamed(again, "cronium.session") ?? "" });
    expect(await own.json()).toMatchObject({ emailConfirmed: true, hasPassword: false });
  });

  test("T17 an address that the provider has not made sure of never opens an account", async ({ expect }) => {
    const ada = await owner();
    await confirmAddress(ada);
    const lies: Account[] = [
      { sub: subject(), email: ada.email },
      { sub: subject(), email: ada.email, verified: false },
      { sub: subject() },
    ];
    for (const account of lies) {
      const response = await signInAs(provider, account);
      expect(pageOf(response)).toBe("/sign-in?problem=email_unverified");
      expect(await whoIs(response)).toBeNull();
    }
    const strange = await signInAs(provider, { sub: subject(), email: address(), verified: false });
    expect(pageOf(strange)).toBe("/sign-in?problem=email_unverified");
  });

  test("T17 an account whose address is not confirmed here is not handed over, and a confirmed one is", async ({
    expect,
  }) => {
    const ada = await owner();
    const account = { sub: subject(), email: ada.email, verified: true };
    expect(pageOf(await signInAs(provider, account))).toBe("/sign-in?problem=email_unconfirmed");
    await confirmAddress(ada);
    expect(await whoIs(await signInAs(provider, account))).toMatchObject({ user: { id: ada.id } });
    expect(await (await ada.ask("GET", "/audit")).text()).toContain('"account.provider_linked"');
    // Both ways in stay.
    const body = { email: ada.email, password };
    expect((await send("POST", "/api/auth/sign-in/email", { body })).status).toBe(200);
  });

  test("makes no account where registration is not open, and opens the one of somebody invited", async ({ expect }) => {
    const account = { sub: subject(), email: address(), verified: true };
    expect(pageOf(await signInAs(provider, account, invited))).toBe("/sign-in?problem=registration_closed");
    const ada = await owner();
    await accept(await linkFor(ada, account.email, "viewer"));
    await testEnv.DB.prepare("UPDATE user SET email_verified = 1 WHERE email = ?").bind(account.email).run();
    expect(await whoIs(await signInAs(provider, account, invited))).toMatchObject({ role: "viewer" });
  });

  test("T17 comes back once, to the browser that left, with its own state", async ({ expect }) => {
    const account = { sub: subject(), email: address(), verified: true };
    const [mine, theirs] = [await leave(provider), await leave(provider)];
    expect(mine.url.searchParams.get("code_challenge_method")).toBe("S256");
    const back = await there(mine, account);
    const failed = "/sign-in?problem=provider_failed";
    // Somebody else's browser is led to my way back, or has none.
    expect(pageOf(await arrive(back, theirs.cookie))).toBe(failed);
    expect(pageOf(await arrive(back, ""))).toBe(failed);
    const other: Provider = provider === "oidc" ? "github" : "oidc";
    const crossed = await leave(provider);
    const elsewhere = (await there(crossed, account)).replace(`/${provider}?`, `/${other}?`);
    expect(pageOf(await arrive(elsewhere, crossed.cookie))).toBe(failed);
    expect(pageOf(await arrive(back, mine.cookie))).toBe("/runs?state=failed");
    expect(pageOf(await arrive(back, mine.cookie))).toBe(failed);
    // The code of one sign-in does not fit the verifier of another.
    const [one, two] = [await leave(provider), await leave(provider)];
    const code = new URLSearchParams((await there(one, account)).split("?")[1]).get("code") ?? "";
    const state = two.url.searchParams.get("state") ?? "";
    const path = `/api/auth/callback/${provider}?code=${code}&state=${state}`;
    expect(pageOf(await arrive(path, two.cookie))).toBe(failed);
    const late = await leave(provider);
    const lateBack = await there(late, account);
    await testEnv.DB.prepare("UPDATE provider_sign_ins SET expires_at = 1").run();
    expect(pageOf(await arrive(lateBack, late.cookie))).toBe(failed);
  });

  test("somebody who says no there is told so here", async ({ expect }) => {
    const response = await signInAs(provider, { sub: subject(), lie: "refuse" });
    expect(pageOf(response)).toBe("/sign-in?problem=provider_refused");
  });

  test("a second factor is asked for all the same", async ({ expect }) => {
    const account = { sub: subject(), email: address(), verified: true };
    const me = (await whoIs(await signInAs(provider, account))) as { user: { id: string } };
    await testEnv.DB.prepare(
      "INSERT INTO second_factors (user_id, secret, confirmed_at, last_step, created_at) VALUES (?, 'x', 1, 0, 1)",
    )
      .bind(me.user.id)
      .run();
    const response = await signInAs(provider, account);
    expect(pageOf(response)).toMatch(/^\/sign-in\?to=%2Fruns%3Fstate%3Dfailed#token=crns_/);
    expect(await whoIs(response)).toBeNull();
  });
});

test("T17 an ID token of another nonce, client, issuer, key or time, or signed otherwise, opens nothing", async ({
  expect,
}) => {
  for (const lie of ["nonce", "audience", "issuer", "key", "expired", "algorithm", "azp"] as const) {
    const response = await signInAs("oidc", { sub: subject(), email: address(), verified: true, lie });
    expect(pageOf(response), lie).toBe("/sign-in?problem=provider_failed");
    expect(await whoIs(response), lie).toBeNull();
  }
});

test("a provider that is another, or is not there, is said to be away", async ({ expect }) => {
  const common = { ...onThisMachine, OIDC_CLIENT_ID: CLIENT.id, OIDC_CLIENT_SECRET: CLIENT.secret };
  for (const issuer of [`${inject("strangers")}/foreign`, `${inject("strangers")}/nowhere`]) {
    const broken = configured({ ...common, OIDC_ISSUER: issuer });
    const response = await broken.send("POST", "/api/v1/sign-in/providers/oidc", { body: {} });
    expect(await refusalOf(response), issuer).toBe("503 not_available");
  }
});

test("T13 a provider in a private network is not called unless the operator has opened that network", async ({
  expect,
}) => {
  const common = { OIDC_CLIENT_ID: CLIENT.id, OIDC_CLIENT_SECRET: CLIENT.secret };
  const closed = configured({ ...common, OIDC_ISSUER: `${inject("strangers")}/oidc` });
  const other = configured({ ...common, OIDC_ISSUER: `${inject("strangers")}/oidc`, OUTBOUND_NETWORKS: "10.0.0.0/8" });
  for (const plane of [closed, other]) {
    const response = await plane.send("POST", "/api/v1/sign-in/providers/oidc", { body: {} });
    expect(await refusalOf(response)).toBe("503 not_available");
  }
});

test("T13 a provider cannot send the control plane on to another network, by its endpoints or by a redirect", async ({
  expect,
}) => {
  const ask = providerRequests({ rules: { networks: [], ownHosts: [] }, resolve: null, fetch: () => Promise.reject() });
  for (const url of [
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:10.0.0.1]/token",
    "http://login.example.org/token",
    "https://keycloak.internal/token",
    "file:///etc/passwd",
    "no address",
  ]) {
    await expect(ask(url, { method: "POST", body: new URLSearchParams({ code: "c" }) }), url).rejects.toThrow(
      /cannot be used: (?:url_not_allowed|blocked_address)/,
    );
  }
  const redirecting = providerRequests({
    rules: { networks: [], ownHosts: [] },
    resolve: null,
    fetch: () => Promise.resolve(new Response(null, { status: 302, headers: { location: "https://10.0.0.1/" } })),
  });
  await expect(redirecting("https://login.example.org/token")).rejects.toThrow(/redirected/);
});

test("T17 nobody is sent to another site afterwards, or starts a sign-in from one", async ({ expect }) => {
  for (const returnTo of ["https://evil.example", "//evil.example", "/\\evil.example", "runs", "/a\nb", ""]) {
    const response = await plane.send("POST", "/api/v1/sign-in/providers/oidc", { body: { returnTo } });
    expect(response.status, returnTo).toBe(422);
  }
  const foreign = await plane.send("POST", "/api/v1/sign-in/providers/oidc", {
    body: {},
    headers: { origin: "https://evil.example" },
  });
  expect(await refusalOf(foreign)).toBe("403 origin_not_allowed");
});

test("T17 over https the cookie of a sign-in that is away is bound to the host", async ({ expect }) => {
  const response = await plane.send("POST", "/api/v1/sign-in/providers/oidc", {
    body: {},
    origin: "https://plane.test",
  });
  expect(response.headers.getSetCookie()[0]).toMatch(
    /^__Host-cronium\.away=[^;]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  );
});

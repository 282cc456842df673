import { beforeAll, test } from "vitest";
import { countQuotas } from "../../src/domain/count-quota.ts";
import { Authenticator, type Ceremony } from "./authenticator.ts";
import { cookieOf, ORIGIN, refusalOf, send, setUp, testEnv } from "./installation.ts";
import { age, owner, type Person } from "./people.ts";

beforeAll(async () => {
  await setUp();
});

const RP = new URL(ORIGIN).hostname;

interface Options {
  readonly challenge: string;
  readonly user: { readonly id: string };
  readonly excludeCredentials: readonly { readonly id: string }[];
}

async function begin(person: Person): Promise<Options> {
  return (await person.ask("POST", "/account/passkeys/options")).json();
}

const here = (challenge: string): Ceremony => ({ challenge, origin: ORIGIN, rpId: RP });

async function enrol(person: Person): Promise<Authenticator> {
  const passkey = await Authenticator.make();
  const { challenge, user } = await begin(person);
  passkey.userHandle = user.id;
  const credential = await passkey.create(here(challenge));
  const response = await person.ask("POST", "/account/passkeys", { name: "My laptop", credential });
  if (response.status !== 201) {
    throw new Error(await response.text());
  }
  return passkey;
}

async function challengeToSignIn(): Promise<string> {
  const response = await send("POST", "/api/v1/sign-in/passkey/options");
  return (await response.json<{ challenge: string }>()).challenge;
}

const signIn = (assertion: object): Promise<Response> => send("POST", "/api/v1/sign-in/passkey", { body: assertion });

async function refusals(person: Person): Promise<string[]> {
  const page = await (
    await person.ask("GET", "/audit?verb=account.passkey_refused")
  ).json<{
    items: { after: { why: string } }[];
  }>();
  return page.items.map((entry) => entry.after.why);
}

test("a passkey signs in by itself, without address, password or code", async ({ expect }) => {
  const ada = await owner();
  const passkey = await enrol(ada);
  await testEnv.DB.prepare(
    "INSERT INTO second_factors (user_id, secret, confirmed_at, last_step, created_at) VALUES (?, 'x', 1, 0, 1)",
  )
    .bind(ada.id)
    .run();
  for (let use = 0; use < 2; use += 1) {
    const response = await signIn(await passkey.get(here(await challengeToSignIn())));
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie()[0]).toMatch(/^cronium\.session=[^;]+; Max-Age=604800; Path=\/; HttpOnly/);
    const me = await (await send("GET", "/api/v1/me", { cookie: cookieOf(response) })).json();
    expect(me).toMatchObject({ user: { id: ada.id } });
  }
  const listed = await (await ada.ask("GET", "/account/passkeys")).json();
  expect(listed).toMatchObject({ items: [{ id: passkey.id, name: "My laptop", lastUsedAt: expect.any(String) }] });
  expect(await refusals(ada)).toEqual([]);
});

test("B51 of passkeys that are sent at once no more are kept than a person may have", async ({ expect }) => {
  const ada = await owner();
  await enrol(ada);
  const begun = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const passkey = await Authenticator.make();
      const { challenge } = await begin(ada);
      return passkey.create(here(challenge));
    }),
  );
  const room = 2;
  await testEnv.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
     INSERT INTO passkeys (id, user_id, name, public_key, counter, transports, created_at)
     SELECT ?1 || n.i, ?1, 'Key', 'x', 0, '[]', 1 FROM n`,
  )
    .bind(ada.id, countQuotas.passkeys.limit - 1 - room)
    .run();
  const answers = await Promise.all(
    begun.map((credential) => ada.ask("POST", "/account/passkeys", { name: "One of four", credential })),
  );
  const statuses = answers.map(({ status }) => String(status)).toSorted();
  expect(statuses).toEqual(["201", "201", "429", "429"]);
  for (const answer of answers) {
    await answer.body?.cancel();
  }
});

test("B42 wrong origin, host, kind or verification, a reused or unknown challenge: one 401, the reason audited", async ({
  expect,
}) => {
  const ada = await owner();
  const passkey = await enrol(ada);
  const lies: Readonly<Record<string, Partial<Ceremony>>> = {
    origin: { origin: "https://evil.example" },
    "RP ID": { rpId: "evil.example" },
    type: { type: "webauthn.create" },
    verif: { userVerified: false },
    challenge: { challenge: Buffer.alloc(32, 7).toString("base64url") },
  };
  for (const [name, lie] of Object.entries(lies)) {
    const response = await signIn(await passkey.get({ ...here(await challengeToSignIn()), ...lie }));
    expect(await refusalOf(response), name).toBe("401 passkey_failed");
    expect((await refusals(ada))[0], name).toMatch(new RegExp(name, "i"));
  }
  const challenge = await challengeToSignIn();
  expect((await signIn(await passkey.get(here(challenge)))).status).toBe(200);
  expect(await refusalOf(await signIn(await passkey.get(here(challenge))))).toBe("401 passkey_failed");
  const late = await challengeToSignIn();
  await testEnv.DB.prepare("UPDATE passkey_challenges SET expires_at = 1").run();
  expect(await refusalOf(await signIn(await passkey.get(here(late))))).toBe("401 passkey_failed");
  // A challenge for adding a passkey is none for signing in.
  const adding = (await begin(ada)).challenge;
  expect(await refusalOf(await signIn(await passkey.get(here(adding))))).toBe("401 passkey_failed");
  const answers = await refusals(ada);
  expect(answers).toHaveLength(8);
  const verdict = await (await ada.ask("GET", "/audit/verify")).json();
  expect(verdict).toMatchObject({ isIntact: true });
});

test("B42 a copy is found by its counter, and a replayed or tampered answer is worth nothing", async ({ expect }) => {
  const ada = await owner();
  const passkey = await enrol(ada);
  const copy = passkey.copy();
  expect((await signIn(await passkey.get(here(await challengeToSignIn())))).status).toBe(200);
  expect(await refusalOf(await signIn(await copy.get(here(await challengeToSignIn()))))).toBe("401 passkey_failed");
  expect((await refusals(ada))[0]).toMatch(/counter/);
  const assertion = (await passkey.get(here(await challengeToSignIn()))) as { response: { signature: string } };
  const { signature } = assertion.response;
  const flipped = Buffer.from(signature, "base64url");
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  const tampered = { ...assertion, response: { ...assertion.response, signature: flipped.toString("base64url") } };
  expect(await refusalOf(await signIn(tampered))).toBe("401 passkey_failed");
});

test("B42 a credential that nobody has here, or of somebody else, signs nobody in", async ({ expect }) => {
  const [ada, eve] = [await owner(), await owner()];
  const [hers, unknown] = [await enrol(ada), await Authenticator.make()];
  const stranger = await signIn(await unknown.get(here(await challengeToSignIn())));
  expect(await refusalOf(stranger)).toBe("401 passkey_failed");
  // Eve's key under the name of Ada's.
  const evil = Object.assign(await Authenticator.make(), { id: hers.id });
  expect(await refusalOf(await signIn(await evil.get(here(await challengeToSignIn()))))).toBe("401 passkey_failed");
  const hersAsEve = hers.copy();
  hersAsEve.userHandle = Buffer.from(eve.id).toString("base64url");
  expect(await refusalOf(await signIn(await hersAsEve.get(here(await challengeToSignIn()))))).toBe(
    "401 passkey_failed",
  );
  expect((await refusals(ada))[0]).toMatch(/another person/);
  expect(await refusals(eve)).toEqual([]);
});

test("B42 a passkey is added by who asked for it, for this site, and once", async ({ expect }) => {
  const [ada, eve] = [await owner(), await owner()];
  const passkey = await Authenticator.make();
  const add = async (person: Person, ceremony: Ceremony): Promise<Response> =>
    person.ask("POST", "/account/passkeys", { name: "x", credential: await passkey.create(ceremony) });
  const { challenge } = await begin(ada);
  expect(await refusalOf(await add(eve, here(challenge)))).toBe("401 passkey_failed");
  expect((await add(ada, here(challenge))).status).toBe(201);
  expect(await refusalOf(await add(ada, here(challenge)))).toBe("401 passkey_failed");
  // The same credential again, for either.
  expect(await refusalOf(await add(ada, here((await begin(ada)).challenge)))).toBe("401 passkey_failed");
  expect(await refusalOf(await add(eve, here((await begin(eve)).challenge)))).toBe("401 passkey_failed");
  for (const lie of [{ origin: "https://evil.example" }, { rpId: "evil.example" }, { userVerified: false }]) {
    const response = await add(eve, { ...here((await begin(eve)).challenge), ...lie });
    expect(await refusalOf(response), JSON.stringify(lie)).toBe("401 passkey_failed");
  }
  expect((await begin(ada)).excludeCredentials.map(({ id }) => id)).toEqual([passkey.id]);
});

test("T17 adding and removing need a proof, and a removed one signs in no more", async ({ expect }) => {
  const [ada, eve] = [await owner(), await owner()];
  const passkey = await enrol(ada);
  expect(await refusalOf(await eve.ask("DELETE", `/account/passkeys/${passkey.id}`))).toBe("404 not_found");
  await age(ada);
  expect(await refusalOf(await ada.ask("POST", "/account/passkeys/options"))).toBe("403 proof_required");
  expect(await refusalOf(await ada.ask("DELETE", `/account/passkeys/${passkey.id}`))).toBe("403 proof_required");
  // Signing in with it is a proof as well.
  const signedIn = await signIn(await passkey.get(here(await challengeToSignIn())));
  const removed = await send("DELETE", `/api/v1/account/passkeys/${passkey.id}`, {
    cookie: cookieOf(signedIn),
    headers: { origin: ORIGIN },
  });
  expect(removed.status).toBe(204);
  expect(await refusalOf(await signIn(await passkey.get(here(await challengeToSignIn()))))).toBe("401 passkey_failed");
  const audit = await (await ada.ask("GET", "/audit")).text();
  expect(audit).toContain('"account.passkey_added"');
  expect(audit).toContain('"account.passkey_removed"');
});

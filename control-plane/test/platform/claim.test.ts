import { beforeAll, test } from "vitest";
import { makeToken } from "@cronium/protocol/token";
import { addWorkspace, claim, cookieOf, password, random, refusalOf, send, setUp } from "./installation.ts";

beforeAll(async () => {
  await setUp();
});

const signIn = (email: string, secret: string, headers: Record<string, string> = {}): Promise<Response> =>
  send("POST", "/api/auth/sign-in/email", { body: { email, password: secret }, headers });

test("a claim link makes the owner, who is signed in at once", async ({ expect }) => {
  const { claimToken, workspaceId } = await addWorkspace();
  const response = await claim(claimToken, "Owner@Example.org");
  expect(response.status).toBe(201);
  const cookie = response.headers.getSetCookie()[0];
  expect(cookie).toMatch(/^cronium\.session=[^;]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/);

  const me = await send("GET", "/api/v1/me", { cookie: cookieOf(response) });
  expect(await me.json()).toMatchObject({
    user: { name: "Ada", email: "owner@example.org" },
    workspace: { id: workspaceId },
    role: "owner",
    via: "session",
  });
});

test("over https the cookie is bound to the host and secure", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const response = await claim(claimToken, "secure@example.org", "https://plane.test");
  expect(response.headers.getSetCookie()[0]).toMatch(
    /^__Host-cronium\.session=[^;]+; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  );
  const me = await send("GET", "/api/v1/me", { cookie: cookieOf(response), origin: "https://plane.test" });
  expect(me.status).toBe(200);
});

test("a claim link works once", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  expect((await claim(claimToken, "first@example.org")).status).toBe(201);
  expect(await refusalOf(await claim(claimToken, "second@example.org"))).toBe("401 invalid_claim_link");
  expect(await refusalOf(await signIn("second@example.org", password))).toBe("401 unauthorized");
});

test("of six claims with one link at the same time, one wins", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const responses = await Promise.all(
    Array.from({ length: 6 }, (_, index) => claim(claimToken, `racer${index}@example.org`)),
  );
  const statuses = responses.map((response) => response.status).toSorted((a, b) => a - b);
  expect(statuses).toEqual([201, 401, 401, 401, 401, 401]);
});

test("an address that has an account cannot claim a second one, and the link stays good", async ({ expect }) => {
  const [one, other] = [await addWorkspace(), await addWorkspace()];
  expect((await claim(one.claimToken, "twice@example.org")).status).toBe(201);
  expect(await refusalOf(await claim(other.claimToken, "twice@example.org"))).toBe("422 invalid_value");
  expect((await claim(other.claimToken, "else@example.org")).status).toBe(201);
});

test("a mangled, foreign or unknown link is told apart from a used one", async ({ expect }) => {
  const { claimToken } = await addWorkspace();
  const cut = claimToken.slice(0, -3);
  expect(await refusalOf(await claim(cut, "x@example.org"))).toBe("400 malformed_token");
  expect(await refusalOf(await claim(` ${claimToken}`, "x@example.org"))).toBe("400 malformed_token");
  expect(await refusalOf(await claim(makeToken("apiKey", random(32)), "x@example.org"))).toBe("400 malformed_token");
  expect(await refusalOf(await claim(makeToken("claim", random(32)), "x@example.org"))).toBe("401 invalid_claim_link");
});

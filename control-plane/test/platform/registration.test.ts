import { beforeAll, test } from "vitest";
import { isWholeToken, makeToken, tokenUrl } from "@cronium/protocol/token";
import { hashToken } from "../../src/auth/token-hash.ts";
import {
  addWorkspace,
  deps,
  ORIGIN,
  problemOf,
  random,
  refusalOf,
  registration,
  send,
  setUp,
  testEnv,
  type Setup,
} from "./installation.ts";

let plane: Setup;
beforeAll(async () => {
  plane = await setUp();
});

interface Token {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: string;
  readonly installCommand: string;
}

async function newToken(body?: object): Promise<Token> {
  const response = await send("POST", "/api/v1/registration-tokens", { key: plane.apiKey, body });
  if (response.status !== 201) {
    throw new Error(await response.text());
  }
  return response.json();
}

const register = (body: object): Promise<Response> => send("POST", "/api/v1/runner/register", { body });

async function publicKeyOf(runnerId: string): Promise<string | undefined> {
  const row = await testEnv.DB.prepare("SELECT public_key FROM runner_credentials WHERE runner_id = ?")
    .bind(runnerId)
    .first<{ public_key: string }>();
  return row?.public_key;
}

test("a token comes with the command to run, lives an hour, and is stored as a hash alone", async ({ expect }) => {
  const made = await newToken();
  expect(isWholeToken("registration", made.token)).toBe(true);
  expect(tokenUrl(made.token)).toBe(ORIGIN);
  expect(made.installCommand).toBe(`npx --yes ${ORIGIN}/install/cronium-runner.tgz --token ${made.token}`);
  const lifeMs = Date.parse(made.expiresAt) - Date.now();
  expect(lifeMs).toBeGreaterThan(3_500_000);
  expect(lifeMs).toBeLessThanOrEqual(3_600_000);
  const { results } = await testEnv.DB.prepare("SELECT * FROM registration_tokens WHERE id = ?").bind(made.id).all();
  expect(JSON.stringify(results)).not.toContain(made.token.split(".")[1]);
  expect(results[0]).toMatchObject({ hash: await hashToken(made.token), workspace_id: plane.workspaceId });
});

test("T7 a token registers one runner in its workspace, with its labels on top", async ({ expect }) => {
  const { token } = await newToken({ labels: { site: "lab" } });
  const response = await register(registration(token, { name: "bench-1", labels: { site: "home", gpu: "yes" } }));
  expect(response.status).toBe(201);
  const identity = await response.json<{ runnerId: string }>();
  expect(identity).toMatchObject({
    workspaceId: plane.workspaceId,
    name: "bench-1",
    labels: { site: "lab", gpu: "yes" },
  });
  const runners = await deps.dispatcherFor(plane.workspaceId).listRunners();
  expect(runners.find((runner) => runner.id === identity.runnerId)).toMatchObject({
    name: "bench-1",
    state: "offline",
  });
});

test("T7 used, expired, revoked and unknown tokens get one and the same answer", async ({ expect }) => {
  const used = (await newToken()).token;
  expect((await register(registration(used))).status).toBe(201);
  const expired = await newToken();
  await testEnv.DB.prepare("UPDATE registration_tokens SET expires_at = ? WHERE id = ?")
    .bind(Date.now() - 1, expired.id)
    .run();
  const revoked = await newToken();
  await testEnv.DB.prepare("DELETE FROM registration_tokens WHERE id = ?").bind(revoked.id).run();
  const unknown = makeToken("registration", random(32), ORIGIN);

  const answers = new Set<string>();
  for (const token of [used, expired.token, revoked.token, unknown]) {
    const response = await register(registration(token));
    expect(response.status).toBe(401);
    answers.add(JSON.stringify({ ...(await problemOf(response)), request_id: "" }));
  }
  expect(answers.size).toBe(1);
  expect([...answers][0]).toContain('"code":"invalid_registration_token"');
});

test("T7 of eight machines with one token at the same time, one wins", async ({ expect }) => {
  const { token } = await newToken();
  const responses = await Promise.all(Array.from({ length: 8 }, () => register(registration(token))));
  const statuses = responses.map((response) => response.status).toSorted((a, b) => a - b);
  expect(statuses).toEqual([201, 401, 401, 401, 401, 401, 401, 401]);
});

test("B31 a token with a typing error, a space or another kind is malformed, not wrong", async ({ expect }) => {
  const { token } = await newToken();
  const last = token.at(-1) === "0" ? "1" : "0";
  for (const bad of [
    token.slice(0, -1),
    `${token.slice(0, -1)}${last}`,
    ` ${token}`,
    `${token}\n`,
    plane.apiKey,
    "x",
  ]) {
    expect(await refusalOf(await register(registration(bad))), bad).toBe("400 malformed_token");
  }
  expect((await register(registration(token))).status).toBe(201);
});

test("B32 a taken name is refused with the way to take it over, and the token stays good", async ({ expect }) => {
  const first = await register(registration((await newToken()).token, { name: "shed" }));
  const { runnerId } = await first.json<{ runnerId: string }>();
  const keyBefore = await publicKeyOf(runnerId);
  const { token } = await newToken();

  const refused = await problemOf(await register(registration(token, { name: "shed" })));
  expect(refused).toMatchObject({ status: 409, code: "name_taken" });
  expect(refused.hint).toContain("--replace");
  expect(await publicKeyOf(runnerId)).toBe(keyBefore);

  const body = registration(token, { name: "shed", replace: true });
  const replaced = await register(body);
  expect(replaced.status).toBe(201);
  expect(await replaced.json()).toMatchObject({ runnerId, name: "shed" });
  expect(await publicKeyOf(runnerId)).toBe((body as { publicKey: string }).publicKey);
});

test("a used token cannot replace a runner's key", async ({ expect }) => {
  const { token } = await newToken();
  const first = await register(registration(token, { name: "kept" }));
  const { runnerId } = await first.json<{ runnerId: string }>();
  const keyBefore = await publicKeyOf(runnerId);
  expect((await register(registration(token, { name: "kept", replace: true }))).status).toBe(401);
  expect(await publicKeyOf(runnerId)).toBe(keyBefore);
});

test("two workspaces may name a runner alike, and neither can take the other's", async ({ expect }) => {
  const other = await addWorkspace();
  const otherKey = await other.keyFor("owner");
  const first = await register(registration((await newToken()).token, { name: "twin" }));
  const made = await send("POST", "/api/v1/registration-tokens", { key: otherKey });
  const { token } = await made.json<Token>();
  const second = await register(registration(token, { name: "twin", replace: true }));
  expect(second.status).toBe(201);
  const [a, b] = [await first.json<{ runnerId: string }>(), await second.json<{ runnerId: string }>()];
  expect(a.runnerId).not.toBe(b.runnerId);
});

test("a runner that is too new or too old is told which side to upgrade", async ({ expect }) => {
  const { token } = await newToken();
  const problem = await problemOf(await register(registration(token, { protocol: 9 })));
  expect(problem).toMatchObject({ status: 426, code: "upgrade_required" });
  expect(problem.detail).toContain("protocol 9");
  expect(problem.detail).toContain("Upgrade the control plane");
});

import { beforeAll, test } from "vitest";
import { RegisterRequest } from "@cronium/protocol";
import { isWholeToken, makeToken, tokenUrl } from "@cronium/protocol/token";
import { registerRunner } from "../../src/services/registration.ts";
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

interface AuditEntry {
  readonly verb: string;
  readonly actor: { readonly kind: string; readonly id: string };
  readonly after: Readonly<Record<string, unknown>>;
}

async function newToken(body?: object): Promise<Token> {
  const response = await send("POST", "/api/v1/registration-tokens", { key: plane.apiKey, body });
  if (response.status !== 201) {
    throw new Error(await response.text());
  }
  return response.json();
}

const register = (body: object): Promise<Response> => send("POST", "/api/v1/runner/register", { body });

async function get<T>(path: string): Promise<T> {
  const response = await send("GET", `/api/v1${path}`, { key: plane.apiKey });
  if (response.status !== 200) {
    throw new Error(await response.text());
  }
  return response.json<T>();
}

async function auditOf(target: string): Promise<AuditEntry[]> {
  return (await get<{ items: AuditEntry[] }>(`/audit?target=${target}`)).items;
}

const revoke = (id: string): Promise<Response> =>
  send("DELETE", `/api/v1/registration-tokens/${id}`, { key: plane.apiKey });

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

test("B31 used, expired, revoked and unknown tokens get one and the same answer, and the audit the reason", async ({
  expect,
}) => {
  const used = await newToken();
  expect((await register(registration(used.token))).status).toBe(201);
  const expired = await newToken();
  await testEnv.DB.prepare("UPDATE registration_tokens SET expires_at = ? WHERE id = ?")
    .bind(Date.now() - 1, expired.id)
    .run();
  const revoked = await newToken({ kind: "reusable" });
  expect((await revoke(revoked.id)).status).toBe(204);
  const unknown = makeToken("registration", random(32), ORIGIN);

  const answers = new Set<string>();
  for (const token of [used.token, expired.token, revoked.token, unknown]) {
    const response = await register(registration(token, { name: "stranger" }));
    expect(response.status).toBe(401);
    answers.add(JSON.stringify({ ...(await problemOf(response)), request_id: "" }));
  }
  expect(answers.size).toBe(1);
  expect([...answers][0]).toContain('"code":"invalid_registration_token"');

  for (const [id, reason] of [
    [used.id, "used_up"],
    [expired.id, "expired"],
    [revoked.id, "revoked"],
  ] as const) {
    expect(await auditOf(id)).toContainEqual(
      expect.objectContaining({
        verb: "registration_token.refused",
        actor: { kind: "registration_token", id },
        after: { reason, name: "stranger" },
      }),
    );
  }
});

test("T7 a dead token that is tried again and again does not fill the audit", async ({ expect }) => {
  const { id, token } = await newToken();
  await revoke(id);
  // Past the limit for one address, as an attacker with many would.
  for (let tries = 0; tries < 25; tries += 1) {
    const request = RegisterRequest.parse(registration(token));
    await expect(registerRunner(deps, { ip: null, requestId: "req_1" }, request)).rejects.toMatchObject({
      code: "invalid_registration_token",
    });
  }
  const refused = (await auditOf(id)).filter(({ verb }) => verb === "registration_token.refused");
  expect(refused).toHaveLength(20);
});

test("T7 a reusable token registers as many machines as it says, all at once, each with its labels", async ({
  expect,
}) => {
  const { id, token } = await newToken({ kind: "reusable", maxUses: 5, labels: { site: "lab" } });
  const responses = await Promise.all(
    Array.from({ length: 8 }, (_, index) => register(registration(token, { labels: { site: `own-${index}` } }))),
  );
  const made = responses.filter(({ status }) => status === 201);
  expect(made).toHaveLength(5);
  for (const response of made) {
    const identity = await response.json<{ runnerId: string; labels: object }>();
    expect(identity.labels).toEqual({ site: "lab" });
    const by = { kind: "registration_token", id };
    expect(await auditOf(identity.runnerId)).toMatchObject([{ verb: "runner.registered", actor: by }]);
    expect(await auditOf(id)).toContainEqual(
      expect.objectContaining({
        verb: "registration_token.used",
        actor: by,
        after: expect.objectContaining({ runnerId: identity.runnerId, replaced: false }),
      }),
    );
  }
  const { items } = await get<{ items: { id: string }[] }>("/registration-tokens");
  expect(items.find((one) => one.id === id)).toMatchObject({ state: "used_up", uses: 5, maxUses: 5 });
  expect(await get("/audit/verify")).toMatchObject({ isIntact: true });
});

test("T7 an ephemeral token makes ephemeral runners, and so does a runner that asks for it", async ({ expect }) => {
  const { token } = await newToken({ kind: "ephemeral", maxUses: 2 });
  const asked = await newToken();
  for (const response of [
    await register(registration(token, { name: "brief-1" })),
    await register(registration(token, { name: "brief-2" })),
    await register(registration(asked.token, { name: "brief-3", ephemeral: true })),
  ]) {
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ ephemeral: true });
  }
  const runners = await deps.dispatcherFor(plane.workspaceId).listRunners();
  const brief = runners.filter(({ name }) => name.startsWith("brief-"));
  expect(brief.map(({ ephemeral }) => ephemeral)).toEqual([true, true, true]);
  // To a runner of the version before nothing new is said.
  expect(await (await register(registration((await newToken()).token))).json()).not.toHaveProperty("ephemeral");
});

test("T7 the list shows what became of each token, and never the token", async ({ expect }) => {
  const open = await newToken({ kind: "reusable", maxUses: 3 });
  await register(registration(open.token));
  const revoked = await newToken();
  await revoke(revoked.id);
  const { items } = await get<{ items: { id: string }[] }>("/registration-tokens");
  const [newest] = items;
  expect(newest).toMatchObject({ id: revoked.id, kind: "single_use", state: "revoked", uses: 0, maxUses: 1 });
  const listed = items.find(({ id }) => id === open.id);
  expect(listed).toMatchObject({ state: "open", uses: 1, maxUses: 3, createdBy: expect.any(String) });
  expect(JSON.stringify(items)).not.toContain("crnr_");
  expect((await auditOf(revoked.id)).map(({ verb }) => verb)).toEqual([
    "registration_token.revoked",
    "registration_token.created",
  ]);
  expect(JSON.stringify(await auditOf(open.id))).not.toContain("crnr_");
});

test("T7 only an open token of this workspace can be revoked, and once", async ({ expect }) => {
  const other = await addWorkspace();
  const foreign = await send("POST", "/api/v1/registration-tokens", { key: await other.keyFor("owner") });
  const { id: foreignId } = await foreign.json<Token>();
  const own = await newToken();
  expect((await revoke(own.id)).status).toBe(204);
  expect(await refusalOf(await revoke(own.id))).toBe("404 not_found");
  expect(await refusalOf(await revoke(foreignId))).toBe("404 not_found");
  expect(await refusalOf(await revoke("rgt_1"))).toBe("400 invalid_id");
});

test("T7 a token for one machine cannot be given more uses", async ({ expect }) => {
  for (const body of [
    { maxUses: 2 },
    { kind: "reusable", maxUses: 0 },
    { kind: "reusable", maxUses: 1_001 },
    { kind: "x" },
  ]) {
    const response = await send("POST", "/api/v1/registration-tokens", { key: plane.apiKey, body });
    expect(response.status, JSON.stringify(body)).toBe(422);
  }
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

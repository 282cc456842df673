/** How secrets and variables reach the runner that holds a job, and nobody else. */
import { runInDurableObject } from "cloudflare:test";
import { createECDH } from "node:crypto";
import { base64url, closeCodes, sealingKeyMessage, type Run, type Secret, type ServerMessage } from "@cronium/protocol";
import { afterEach, test } from "vitest";
import { closeAll, connect, dial, makeHello, newEpoch, registerFake, type Connection } from "./fake-runner.ts";
import { openInbox } from "./inbox.ts";
import { makePlane, type Plane } from "./plane.ts";
import { createEvent, trigger } from "./queue-story.ts";
import { sealingRunner } from "./sealing-runner.ts";

afterEach(closeAll);

type Challenge = Extract<ServerMessage, { type: "challenge" }>;

const VALUE = "s3cr3t-Wert-7f1e";

const store = (plane: Plane, name: string, value: string, more: object = {}): Promise<Secret> =>
  plane.expectJson(201, "POST", "/secrets", { name, value, ...more });

async function grantOf(connection: Connection, runId: string) {
  const { grants } = await connection.next("granted", (message) =>
    message.grants.some((grant) => grant.runId === runId),
  );
  const grant = grants.find((one) => one.runId === runId);
  if (grant === undefined) {
    throw new Error("no grant");
  }
  return grant;
}

test("T6 I7 secrets come with the grant, sealed to the runner that holds the job, and in no other frame", async ({
  expect,
}) => {
  const plane = await makePlane();
  await store(plane, "TOKEN", VALUE);
  await store(plane, "OTHER", "not asked for");
  const eventId = await createEvent(plane, { secrets: ["TOKEN"], labels: { pick: "me" } });
  await store(plane, "TOKEN", `${VALUE}-own`, { eventId });
  const [holder, other] = [await sealingRunner(plane, { pick: "me" }), await sealingRunner(plane)];
  const runId = await trigger(plane, eventId);
  const job = await holder.connection.job();
  expect(JSON.stringify(job)).not.toContain(VALUE);
  other.connection.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
  expect((await other.connection.next("refused")).code).toBe("not_lease_holder");
  holder.connection.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
  const grant = await grantOf(holder.connection, runId);
  const sealed = grant.secrets ?? "";
  expect(holder.open({ runId, attempt: 1 }, sealed)).toEqual({ TOKEN: `${VALUE}-own` });
  expect(() => other.open({ runId, attempt: 1 }, sealed)).toThrow();
  for (const change of [{ attempt: 2 }, { runId: "run_x" }, { workspaceId: "ws_x" }]) {
    expect(() => holder.open({ runId, attempt: 1 }, sealed, change)).toThrow();
  }
  const used = await plane.expectJson<{ items: Secret[] }>(200, "GET", `/secrets?eventId=${eventId}`);
  expect(used.items.find(({ name }) => name === "TOKEN")).toMatchObject({ lastUsedRunId: runId });
  expect(used.items.find(({ name }) => name === "OTHER")).toMatchObject({ lastUsedAt: null });
});

test("F7 a repeated accept gets the same sealed secrets, even when the value has changed; the end forgets them", async ({
  expect,
}) => {
  const plane = await makePlane();
  const secret = await store(plane, "TOKEN", VALUE);
  const eventId = await createEvent(plane, { secrets: ["TOKEN"] });
  const { connection } = await sealingRunner(plane);
  const runId = await trigger(plane, eventId);
  await connection.job();
  const accept = async () => {
    connection.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
    return (await grantOf(connection, runId)).secrets;
  };
  const first = await accept();
  await plane.expectJson(200, "PUT", `/secrets/${secret.id}`, { value: "another value" });
  expect(first).toEqual(expect.any(String));
  expect(await accept()).toBe(first);
  const kept = () =>
    runInDurableObject(plane.dispatcherStub, (_instance, { storage }) =>
      storage.sql.exec("SELECT count(*) AS kept FROM sealed_grants").one(),
    );
  expect(await kept()).toEqual({ kept: 1 });
  await connection.finish({ runId, attempt: 1 });
  expect(await kept()).toEqual({ kept: 0 });
});

test("B17 a run whose secret was deleted fails before it starts, and its runner is told to let go", async ({
  expect,
}) => {
  const plane = await makePlane();
  const secret = await store(plane, "TOKEN", VALUE);
  const eventId = await createEvent(plane, { secrets: ["TOKEN"] });
  const { connection } = await sealingRunner(plane);
  const runId = await trigger(plane, eventId);
  await connection.job();
  expect((await plane.call("DELETE", `/secrets/${secret.id}?force=true`)).status).toBe(204);
  connection.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
  expect(await connection.next("refused")).toMatchObject({ runId, code: "already_final" });
  const run = await plane.expectJson<Run>(200, "GET", `/runs/${runId}`);
  expect(run).toMatchObject({ state: "failed", failReason: "secret_not_found", startedAt: null });
  expect(run.message).toContain("TOKEN");
  connection.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
  expect(await connection.next("refused")).toMatchObject({ runId });
});

test("a runner of the version before gets jobs without secrets only, and the others say what they wait for", async ({
  expect,
}) => {
  const plane = await makePlane();
  await store(plane, "TOKEN", VALUE);
  await plane.expectJson(201, "POST", "/variables", { name: "REGION", value: "eu" });
  const old = await connect(await registerFake(plane, { name: "attic" }));
  const waits = await trigger(plane, await createEvent(plane, { secrets: ["TOKEN"] }));
  const goes = await trigger(plane, await createEvent(plane, {}));
  const job = await old.job();
  expect(job.runId).toBe(goes);
  expect(Object.keys(job.definition)).not.toContain("secrets");
  old.send({ type: "accept", jobs: [{ runId: goes, attempt: 1 }] });
  expect(Object.keys(await grantOf(old, goes))).toEqual(["runId", "attempt", "leaseMs", "logToken"]);
  expect(await plane.run(waits)).toMatchObject({
    queueReason: "runner_not_ready",
    message: "It names secrets, and attic is too old to be handed any. Upgrade the runner.",
  });
  const { connection } = await sealingRunner(plane);
  expect((await connection.job()).runId).toBe(waits);
});

test("variables come with the grant as they are at that moment, an event's own before the workspace's", async ({
  expect,
}) => {
  const plane = await makePlane();
  const eventId = await createEvent(plane, {});
  const { connection } = await sealingRunner(plane);
  const next = async () => {
    const runId = await trigger(plane, eventId);
    await connection.job();
    connection.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
    return (await grantOf(connection, runId)).variables;
  };
  expect(await next()).toBeUndefined();
  const region = await plane.expectJson<{ id: string }>(201, "POST", "/variables", { name: "REGION", value: "eu" });
  await plane.expectJson(201, "POST", "/variables", { name: "LIMITS", value: { cpu: 2 } });
  expect(await next()).toEqual({ REGION: "eu", LIMITS: { cpu: 2 } });
  await plane.expectJson(200, "PUT", `/variables/${region.id}`, { value: "us" });
  await plane.expectJson(201, "POST", "/variables", { name: "LIMITS", value: 7, eventId });
  expect(await next()).toEqual({ REGION: "us", LIMITS: 7 });
});

test("T6 a sealing key that is no point, or without the identity's signature, closes the socket", async ({
  expect,
}) => {
  const plane = await makePlane();
  const runner = await registerFake(plane);
  const pair = createECDH("prime256v1");
  const good = pair.generateKeys("base64url");
  const off = Buffer.from(good, "base64url");
  off[64] = (off[64] ?? 0) ^ 1;
  for (const publicKey of [good, off.toString("base64url")]) {
    const inbox = openInbox(await dial(runner.runnerId));
    const { nonce } = await inbox.text<Challenge>("challenge");
    const message = new TextEncoder().encode(sealingKeyMessage(nonce, runner.runnerId, publicKey));
    const signed = new Uint8Array(await crypto.subtle.sign("Ed25519", runner.key, message));
    const signature = publicKey === good ? "AAAA" : base64url(signed);
    const sealing = async () => ({ publicKey, signature });
    inbox.socket.send(JSON.stringify(await makeHello(runner, nonce, newEpoch(), { sealing })));
    expect((await inbox.closed).code).toBe(closeCodes.unauthenticated);
  }
});

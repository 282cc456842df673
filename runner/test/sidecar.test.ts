import { randomBytes } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from "vitest";
import type { Json, SidecarEvent } from "@cronium/protocol";
import { bindOf, pathOf as path, RUN_ID, SidecarProcess, type SidecarRequest } from "./sidecar-process.ts";
import { until } from "./until.ts";

let sidecar: SidecarProcess;
let stored: Json[];
let concealed: string[];
let storeWorks: boolean;
/** How many events there were when the test began. */
let seen = 0;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

async function call(method: string, route: string, options: Omit<SidecarRequest, "slot"> = {}): Promise<Answer> {
  const { status, headers, text } = await sidecar.call(method, route, { slot: "slot1", ...options });
  const type = typeof headers["content-type"] === "string" ? headers["content-type"] : "";
  return { status, type, text, json: type.includes("json") ? (JSON.parse(text) as Record<string, unknown>) : {} };
}

const events = (): readonly SidecarEvent[] => sidecar.events.slice(seen);
const openSlot = (): Promise<void> => sidecar.open("slot1");
const closeSlot = (): Promise<void> => sidecar.close("slot1");

async function bindSlot(
  options: { readonly handedOut?: boolean; readonly token?: string; readonly reuse?: string } = {},
): Promise<string> {
  const token = options.token ?? (await sidecar.token());
  await sidecar.bind(
    bindOf("slot1", token, {
      job: { runtime: "bash", script: "echo 'hi'", env: { A: "it's", CRONIUM_TOKEN: token }, reuse: options.reuse },
      input: { n: 1 },
      secrets: { TOKEN: 's3cr3t "värde"\n', PIN: "1" },
      variables: { REGION: "eu", LIMITS: { cpu: 2 }, NOTHING: null },
      handedOut: options.handedOut ?? false,
    }),
  );
  return token;
}

beforeAll(async () => {
  sidecar = new SidecarProcess((event) => {
    if (event.type === "output") {
      stored.push(event.value);
      sidecar.send({ type: "stored", id: event.id, ok: storeWorks });
    } else if (event.type === "token") {
      concealed.push(event.token);
      sidecar.send({ type: "stored", id: event.id, ok: storeWorks });
    }
  });
  await sidecar.start();
});

afterAll(() => sidecar.stop());

beforeEach(() => {
  seen = sidecar.events.length;
  stored = [];
  concealed = [];
  storeWorks = true;
});

afterEach(closeSlot);

describe("the bootstrap's side", () => {
  test("waits for its job and gets it once", async ({ expect }) => {
    await openSlot();
    const waiting = call("GET", "/v1/job");
    await bindSlot();

    const first = await waiting;
    const second = await call("GET", "/v1/job");

    expect(first).toMatchObject({ status: 200, json: { runtime: "bash", script: "echo 'hi'" } });
    expect(second).toMatchObject({ status: 403, json: { code: "attempt_not_active" } });
    await until("the runner is told", () => events().some((event) => event.type === "handed_out"));
  });

  test("gets the same as shell text", async ({ expect }) => {
    await openSlot();
    await bindSlot();

    const answer = await call("GET", "/v1/job?format=shell");

    expect(answer.text).toContain(String.raw`export A='it'\''s'`);
    expect(answer.text).toMatch(/CRONIUM_SCRIPT='echo '\\''hi'\\'''\n$/);
  });

  test("does not get it again after a restart of the sidecar", async ({ expect }) => {
    await openSlot();
    await bindSlot({ handedOut: true });

    expect((await call("GET", "/v1/job")).status).toBe(403);
  });

  test("reports its exit", async ({ expect }) => {
    await openSlot();

    expect((await call("POST", "/v1/job/exit", { body: '{"code":3}' })).status).toBe(204);
    expect((await call("POST", "/v1/job/exit", { body: '{"code":300}' })).status).toBe(422);
    await until("the runner is told", () => sidecar.count("exit") > 0);
    expect(events()).toContainEqual({ type: "exit", slot: "slot1", code: 3 });
  });
});

describe("a slot that serves several jobs", () => {
  test("T2 ends a job's token when its bootstrap asks for the next one, and hands that one out", async ({ expect }) => {
    await openSlot();
    const token = await bindSlot({ reuse: "abc123" });
    const first = await call("GET", "/v1/job?format=shell");
    const next = call("GET", "/v1/job?format=shell&ended=0");
    await until("it is free", () => events().some(({ type }) => type === "free"));
    const late = await call("GET", path("input"), { token });
    await bindSlot({ reuse: "def456", token: await sidecar.token({ jti: "token-2" }) });

    expect(first.text.split("\n")[0]).toBe("CRONIUM_REUSE=abc123");
    expect(late).toMatchObject({ status: 403, json: { code: "attempt_not_active" } });
    expect((await next).text.split("\n")[0]).toBe("CRONIUM_REUSE=def456");
    expect(events().filter(({ type }) => type === "free")).toHaveLength(1);
  });

  test("is not freed where the job did not say so, or before it was handed out", async ({ expect }) => {
    await openSlot();
    await bindSlot();
    await call("GET", "/v1/job");
    expect((await call("GET", "/v1/job?ended=0")).status).toBe(403);
    await closeSlot();
    await openSlot();
    await bindSlot({ reuse: "abc123" });
    expect((await call("GET", "/v1/job?ended=0")).json).toMatchObject({ reuse: "abc123" });
    expect(events().some(({ type }) => type === "free")).toBe(false);
  });
});

describe("the script's side", () => {
  test("reads input and context and stores outputs durably before the answer", async ({ expect }) => {
    await openSlot();
    const token = await bindSlot();

    expect((await call("GET", path("input"), { token })).json).toEqual({ n: 1 });
    expect((await call("GET", path("context"), { token })).json).toMatchObject({ runId: RUN_ID, attempt: 1 });
    expect((await call("POST", path("output"), { token, body: "[1]" })).status).toBe(204);
    expect((await call("POST", path("output"), { token, body: "null" })).status).toBe(204);
    expect(stored).toEqual([[1], null]);
  });

  test("reads the secrets and variables of its own job, as JSON or as plain text", async ({ expect }) => {
    await openSlot();
    const token = await bindSlot();
    const value = 's3cr3t "värde"\n';
    expect((await call("GET", path("secrets/TOKEN"), { token })).json).toBe(value);
    expect((await call("GET", path("secrets/TOKEN?format=text"), { token })).text).toBe(value);
    expect((await call("GET", path("variables/LIMITS"), { token })).json).toEqual({ cpu: 2 });
    expect((await call("GET", path("variables/NOTHING"), { token })).json).toBeNull();
    expect((await call("GET", path("variables/REGION?format=text"), { token })).text).toBe("eu");
    for (const name of ["OTHER", "toString", "__proto__", "%00"]) {
      const secret = await call("GET", path(`secrets/${name}`), { token });
      expect([secret.status, secret.json], name).toMatchObject([422, { code: "secret_not_found" }]);
      expect((await call("GET", path(`variables/${name}`), { token })).status, name).toBe(404);
    }
  });

  test("T2 nobody reads a secret without the token of its job", async ({ expect }) => {
    await openSlot();
    await bindSlot();
    const foreign = await sidecar.token({ sub: "run_other:1" });
    const earlier = await sidecar.token({ sub: `${RUN_ID}:2` });
    expect((await call("GET", path("secrets/TOKEN"))).status).toBe(401);
    for (const token of [foreign, earlier]) {
      const answer = await call("GET", path("secrets/TOKEN"), { token });
      expect(answer.status).toBe(403);
      expect(answer.text).not.toContain("s3cr3t");
    }
  });

  test("hears of an output that could not be stored", async ({ expect }) => {
    storeWorks = false;
    await openSlot();
    const token = await bindSlot();

    expect((await call("POST", path("output"), { token, body: "1" })).status).toBe(503);
  });

  test("I21: gets a new token only once the runner hides it in the log", async ({ expect }) => {
    await openSlot();
    const token = await bindSlot();

    const renewed = await call("POST", path("token"), { token });
    expect([renewed.status, renewed.json["token"]]).toEqual([200, concealed[0]]);
    expect(concealed[0]).not.toBe(token);
    storeWorks = false;
    const refused = await call("POST", path("token"), { token });
    expect(refused.status).toBe(503);
    expect(refused.text).not.toContain(concealed[1] ?? "none");
  });

  test.for([
    ["B1 nothing", "", "application/json", 400, "body_required"],
    ["B1 another type", "1", "text/plain", 415, "unsupported_media_type"],
    ["B2 broken JSON", "{", "application/json", 400, "invalid_json"],
    ["B2 trailing data", "1 2", "application/json", 400, "invalid_json"],
    ["B2 bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22]), "application/json", 400, "invalid_json"],
    ["B3 nesting without end", "[".repeat(100), "application/json", 400, "too_deep"],
    ["B4 a key twice", '{"a":1,"a":2}', "application/json", 400, "duplicate_key"],
    ["B6 a forbidden key", '{"__proto__":1}', "application/json", 422, "forbidden_key"],
    ["B37 2 MB", `"${"x".repeat(2_000_000)}"`, "application/json", 413, "output_too_large"],
  ] as const)("refuses %s as output", async ([, body, type, status, code], { expect }) => {
    await openSlot();
    const token = await bindSlot();

    const answer = await call("POST", path("output"), { token, body, type });

    expect(answer).toMatchObject({ status, type: "application/problem+json", json: { code, status } });
    expect(stored).toEqual([]);
  });

  test("B3 hears why, however much it sends and whoever it is", async ({ expect }) => {
    await openSlot();
    const token = await bindSlot();
    const body = Buffer.alloc(12_000_000, 49);

    expect((await call("POST", path("output"), { token, body })).status).toBe(413);
    expect((await call("POST", path("output"), { body })).status).toBe(401);
    expect((await call("POST", "/nowhere", { body })).status).toBe(404);
    expect((await call("GET", path("input"), { token })).status).toBe(200);
  });

  test("B50 answers what does not exist, and what is asked the wrong way", async ({ expect }) => {
    await openSlot();
    const token = await bindSlot();

    expect((await call("GET", "/health")).json).toEqual({ status: "ok" });
    expect((await call("GET", "/nowhere")).status).toBe(404);
    expect((await call("GET", "/v1/executions/../../etc/passwd")).status).toBe(404);
    expect((await call("DELETE", path("input"), { token })).status).toBe(405);
  });
});

describe("T2 a token", () => {
  test.for([
    ["of nobody", undefined, 401, "invalid_token"],
    ["signed by another key", { key: randomBytes(32) }, 401, "invalid_token"],
    ["of another type", { typ: "JWT" }, 401, "invalid_token"],
    ["for another audience", { aud: "cronium-log" }, 401, "invalid_token"],
    ["B29 that has expired", { expiresIn: -10, jti: "other" }, 401, "invalid_token"],
    ["B30 of another run", { sub: "run_01jd2c5x0000000000000000zz:1" }, 403, "attempt_not_active"],
    ["B30 of another attempt", { sub: `${RUN_ID}:2` }, 403, "attempt_not_active"],
  ] as const)("%s is refused", async ([, options, status, code], { expect }) => {
    await openSlot();
    await bindSlot();

    const token = options === undefined ? undefined : await sidecar.token(options);
    const answer = await call("GET", path("input"), token === undefined ? {} : { token });

    expect(answer).toMatchObject({ status, json: { code } });
  });

  test("B29 without a signature is refused", async ({ expect }) => {
    await openSlot();
    const [header = "", payload = ""] = (await bindSlot()).split(".");
    const none = Buffer.from('{"alg":"none","typ":"cronium-execution+jwt"}').toString("base64url");

    expect((await call("GET", path("input"), { token: `${none}.${payload}.` })).status).toBe(401);
    expect((await call("GET", path("input"), { token: `${header}.${payload}.AAAA` })).status).toBe(401);
  });

  test("that the job was given stays good past its hour while the job lives", async ({ expect }) => {
    await openSlot();
    const token = await bindSlot({ token: await sidecar.token({ expiresIn: -10, jti: "its-own" }) });

    expect((await call("GET", path("input"), { token })).status).toBe(200);
  });

  test("dies with its job, and so does the socket", async ({ expect }) => {
    await openSlot();
    const token = await bindSlot();

    await closeSlot();

    await expect(call("GET", path("input"), { token })).rejects.toThrow("ENOENT");
    expect(readdirSync(sidecar.folder)).toEqual([]);
  });
});

describe("the process", () => {
  test("keeps a socket that is opened while the one before it still closes", async ({ expect }) => {
    for (let round = 0; round < 20; round += 1) {
      const before = sidecar.count("opened");
      sidecar.send({ type: "open", slot: "slot1" });
      sidecar.send({ type: "close", slot: "slot1" });
      sidecar.send({ type: "open", slot: "slot1" });
      // The first one has been opened as well, and is no answer.
      await until("the slot is open again", () => sidecar.count("opened") === before + 2);

      expect(statSync(join(sidecar.folder, "slot1", "api.sock")).isSocket()).toBe(true);
      await closeSlot();
    }
  });

  test("opens sockets for everyone in a folder for nobody else", async ({ expect }) => {
    await openSlot();

    expect(statSync(sidecar.folder).mode & 0o077).toBe(0);
    expect(statSync(join(sidecar.folder, "slot1", "api.sock")).mode & 0o777).toBe(0o666);
  });

  test.skipIf(process.getuid?.() !== 0)("gives up the rights of root", async ({ expect }) => {
    await openSlot();

    expect(statSync(join(sidecar.folder, "slot1", "api.sock")).uid).toBe(10_002);
  });

  test("says what was wrong with a command", async ({ expect }) => {
    sidecar.sendUnknown({ type: "open", slot: 1 });
    await until("it complains", () => events().some((event) => event.type === "failed"));

    expect(events()).toContainEqual({
      type: "failed",
      slot: null,
      message: expect.stringContaining("unknown command") as string,
    });
  });
});

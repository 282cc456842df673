/** Every route of the runtime API, from the table that the sidecar serves: who may call it, and what a call becomes. */
import type { OutgoingHttpHeaders } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, test } from "vitest";
import type { CallError, CallOp, Json, SidecarEvent } from "@cronium/protocol";
import { routes } from "../src/sidecar/routes.ts";
import { bindOf, pathOf as of, RUN_ID, type SidecarAnswer, SidecarProcess } from "./sidecar-process.ts";
import { until } from "./until.ts";

const CACHE_MS = 60_000;

type Said = { readonly result: Json } | { readonly error: CallError };

let sidecar: SidecarProcess;
let token: string;
let slots = 0;
/** What the control plane is asked, and how it answers. */
let asked: { readonly key: string; readonly op: CallOp }[] = [];
let answerTo: (op: CallOp) => Said | null = () => ({ result: null });

/** With the token of the job; another one or, as `null`, none. */
function call(
  method: string,
  path: string,
  options: { readonly token?: string | null; readonly body?: unknown; readonly headers?: OutgoingHttpHeaders } = {},
): Promise<SidecarAnswer> {
  const { body, headers } = options;
  return sidecar.call(method, path, {
    slot: `slot${slots}`,
    token: options.token === undefined ? token : (options.token ?? undefined),
    body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    headers,
  });
}

function problemOf({ status, text }: SidecarAnswer): string {
  return `${status} ${(JSON.parse(text) as { code: string }).code}`;
}

function answer(event: SidecarEvent): void {
  if (event.type === "output" || event.type === "token") {
    sidecar.send({ type: "stored", id: event.id, ok: true });
  } else if (event.type === "call") {
    asked.push({ key: event.key, op: event.op });
    const said = answerTo(event.op);
    if (said !== null) {
      sidecar.send({ type: "answer", id: event.id, ...said });
    }
  }
}

beforeAll(async () => {
  sidecar = new SidecarProcess(answer);
  await sidecar.start();
});

afterAll(() => sidecar.stop());

beforeEach(async () => {
  slots += 1;
  const slot = `slot${slots}`;
  sidecar.send({ type: "uncache", id: 0, names: null });
  asked = [];
  answerTo = () => ({ result: null });
  token = await sidecar.token();
  await sidecar.open(slot);
  await sidecar.bind(bindOf(slot, token, { secrets: { TOKEN: "t" }, calls: true }));
});

const guarded = routes
  .filter(({ caller }) => caller === "token")
  .flatMap(({ path, methods }) => Object.keys(methods).map((method) => [method, path] as const));

const concrete = (path: string, id = RUN_ID): string =>
  path.replace("{id}", id).replace("{name...}", "a").replace("{name}", "A");

describe("T2 every route for scripts", () => {
  test.for(guarded)(
    "B29 B30 %s %s takes no token but the one of its live attempt",
    async ([method, path], { expect }) => {
      const wrong: readonly [string, string | null, string][] = [
        ["none", null, "401 invalid_token"],
        ["not a token", "x", "401 invalid_token"],
        ["64 KB", "a".repeat(12_000), "401 invalid_token"],
        ["no signature", `${token.split(".").slice(0, 2).join(".")}.`, "401 invalid_token"],
        ["padding", `${token}=`, "401 invalid_token"],
        [
          "a key of its own",
          await sidecar.token({ jwk: true }).then((text) => `${text.slice(0, -4)}AAAA`),
          "401 invalid_token",
        ],
        ["expired", await sidecar.token({ expiresIn: -10 }), "401 invalid_token"],
        ["without an end", await sidecar.token({ expiresIn: null }), "401 invalid_token"],
        ["not good yet", await sidecar.token({ notBefore: 600 }), "401 invalid_token"],
        ["another audience", await sidecar.token({ aud: "cronium-log" }), "401 invalid_token"],
        ["another type", await sidecar.token({ typ: "JWT" }), "401 invalid_token"],
        ["another run", await sidecar.token({ sub: "run_01jd2c5x0000000000000000zz:1" }), "403 attempt_not_active"],
        ["an older attempt", await sidecar.token({ sub: `${RUN_ID}:0` }), "403 attempt_not_active"],
      ];
      for (const [what, bad, expected] of wrong) {
        expect(problemOf(await call(method, concrete(path), { token: bad })), what).toBe(expected);
      }
      const foreign = await call(method, concrete(path, "run_01jd2c5x0000000000000000zz"));
      expect(problemOf(foreign)).toBe("403 attempt_not_active");
      expect(asked).toEqual([]);
    },
  );

  test("the control plane's word that the attempt is over is 403, whatever it was asked", async ({ expect }) => {
    answerTo = () => ({ error: { code: "stale_attempt", message: "Over." } });
    for (const [method, path, body] of [
      ["GET", of("variables/A"), undefined],
      ["PUT", of("variables/A"), { value: 1 }],
      ["POST", of("locks/a"), {}],
      ["POST", of("condition"), { value: true }],
      ["GET", of("artifacts"), undefined],
    ] as const) {
      expect(problemOf(await call(method, path, { body })), path).toBe("403 attempt_not_active");
    }
  });

  test("one that calls without end is told to wait, and its neighbour is not", async ({ expect }) => {
    answerTo = () => ({ result: { items: [], next: null } });
    const answers = await Promise.all(Array.from({ length: 100 }, () => call("GET", of("variables"))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    let limited: SidecarAnswer | null = null;
    for (let i = 0; i < 60 && limited === null; i += 1) {
      const more = await Promise.all(Array.from({ length: 100 }, () => call("GET", of("variables"))));
      limited = more.find(({ status }) => status === 429) ?? null;
    }
    expect(limited === null ? null : [problemOf(limited), limited.headers["retry-after"]]).toEqual([
      "429 rate_limited",
      "1",
    ]);
  });
});

describe("variables", () => {
  const read = (value: string | null, version: number, after = 5): Said => ({
    result: { value, version, cacheMs: CACHE_MS, after },
  });

  test("are read once and used again until they are taken back", async ({ expect }) => {
    answerTo = () => read('{"a":1}', 3);
    const first = await call("GET", of("variables/LIMITS"));
    expect([first.status, first.text, first.headers["cronium-version"]]).toEqual([200, '{"a":1}', "3"]);
    expect((await call("GET", of("variables/LIMITS?format=text"))).text).toBe('{"a":1}');
    expect(asked).toHaveLength(1);

    sidecar.send({ type: "uncache", id: 6, names: ["LIMITS"] });
    await until("it is let go", () => sidecar.events.some((event) => event.type === "uncached" && event.id === 6));
    answerTo = () => read('"text"', 4, 6);
    expect((await call("GET", of("variables/LIMITS?format=text"))).text).toBe("text");
    const metrics = await call("GET", "/metrics", { token: null });
    expect(metrics.text).toContain("cronium_sidecar_variable_cache_hits_total 1\n");
    expect(metrics.text).toContain("cronium_sidecar_variable_cache_misses_total 2\n");
    expect(metrics.text).toContain('cronium_sidecar_calls_total{route="GET /v1/executions/{id}/variables/{name}"} 3\n');
  });

  test("an answer that was overtaken on its way is handed out and not kept", async ({ expect }) => {
    sidecar.send({ type: "uncache", id: 9, names: ["OVERTAKEN"] });
    answerTo = () => read("1", 1, 8);
    expect((await call("GET", of("variables/OVERTAKEN"))).text).toBe("1");
    expect((await call("GET", of("variables/OVERTAKEN"))).text).toBe("1");
    expect(asked).toHaveLength(2);
  });

  test("that are not there are 404, and that is known for as long", async ({ expect }) => {
    answerTo = () => read(null, 0);
    for (const name of ["NONE", "NONE", "small", "%2e%2e", "PATH"]) {
      expect(problemOf(await call("GET", of(`variables/${name}`)))).toBe("404 not_found");
    }
    expect(asked).toHaveLength(1);
  });

  test("F32 a write carries the script's key, and without one a key of its own", async ({ expect }) => {
    answerTo = () => ({ result: { version: 2, cacheMs: 0, after: 1 } });
    const put = (headers: OutgoingHttpHeaders) => call("PUT", of("variables/A"), { body: { value: [1] }, headers });
    expect(JSON.parse((await put({ "idempotency-key": "mine" })).text)).toEqual({ version: 2 });
    await put({});
    await put({});
    expect(asked.map(({ op }) => op)).toEqual(
      Array.from({ length: 3 }, () => ({ do: "variable.set", name: "A", value: "[1]" })),
    );
    expect(asked[0]?.key).toBe("mine");
    expect(new Set(asked.map((one) => one.key)).size).toBe(3);
    expect(problemOf(await put({ "idempotency-key": "x".repeat(256) }))).toBe("400 invalid_idempotency_key");
  });

  test.for([
    ["B37 10 MB", "variables/A", `{"value":"${"x".repeat(10_000_000)}"}`, "413 body_too_large"],
    ["B37 a byte too much", "variables/A", `{"value":"${"x".repeat(65_535)}"}`, "413 body_too_large"],
    ["B2 no JSON", "variables/A", "{", "400 invalid_json"],
    ["B5 a field nobody knows", "variables/A", '{"value":1,"ttl":1}', "422 unknown_field"],
    ["B6 a forbidden key", "variables/A", '{"value":{"__proto__":1}}', "422 forbidden_key"],
    ["B7 a version that is a text", "variables/A", '{"value":1,"ifVersion":"1"}', "422 invalid_type"],
    ["B9 a name in small letters", "variables/a", '{"value":1}', "422 invalid_name"],
    ["another scope", "variables/A?scope=all", '{"value":1}', "422 invalid_value"],
    ["a lock that lasts for ever", "locks/a", '{"ttlMs":300001}', "422 out_of_range"],
    ["a lock without a name", "locks/%20", "{}", "422 invalid_name"],
  ] as const)("refuses %s", async ([, path, body, expected], { expect }) => {
    const answer = await call(path.startsWith("locks") ? "POST" : "PUT", of(path), { body });
    expect(problemOf(answer)).toBe(expected);
    expect(asked).toEqual([]);
  });
});

test("a lock that is held is waited for, and its end is heard of", async ({ expect }) => {
  let tries = 0;
  answerTo = () => {
    tries += 1;
    return tries < 3
      ? { error: { code: "locked", message: "Held.", retryAfterMs: 20 } }
      : { result: { lockId: "l", ttlMs: 30_000, fence: 7 } };
  };
  const taken = await call("POST", of("locks/db/migrate"), { body: { waitMs: 20_000 } });
  expect([taken.status, JSON.parse(taken.text)]).toEqual([200, { lockId: "l", ttlMs: 30_000, fence: 7 }]);
  tries = 0;
  const refused = await call("POST", of("locks/db/migrate"), { body: {} });
  expect([problemOf(refused), refused.headers["retry-after"]]).toEqual(["409 locked", "1"]);
  answerTo = () => ({ error: { code: "lock_lost", message: "Gone." } });
  expect(problemOf(await call("PUT", of("locks/db/migrate"), { body: { lockId: "l" } }))).toBe("409 lock_lost");
  answerTo = () => ({ result: null });
  expect((await call("DELETE", of("locks/db/migrate?lockId=l"))).status).toBe(204);
});

test("progress is answered at once and sent on a few times a second, the newest last", async ({ expect }) => {
  const report = (i: number) => call("POST", of("progress"), { body: { fraction: i / 50 } });
  const early = await Promise.all(Array.from({ length: 49 }, (_, i) => report(i + 1)));
  expect([...early, await report(50)].map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 204));
  const sent = () => asked.flatMap(({ op }) => (op.do === "note" && op.progress !== undefined ? [op.progress] : []));
  await until("the last one is sent", () => sent().at(-1)?.fraction === 1);
  expect(sent().length).toBeLessThan(40);
  expect((await call("POST", of("condition"), { body: { value: false } })).status).toBe(204);
  expect((await call("POST", of("name"), { body: { name: "Import 7" } })).status).toBe(204);
  expect(problemOf(await call("POST", of("name"), { body: { name: " " } }))).toBe("422 invalid_name");
  expect(asked.slice(-2).map(({ op }) => op)).toEqual([
    { do: "note", condition: false },
    { do: "note", name: "Import 7" },
  ]);
});

test("what a newer control plane says of artifacts beyond this version is left out", async ({ expect }) => {
  const artifact = {
    number: 1,
    name: "a.csv",
    bytes: 3,
    sha256: "0".repeat(64),
    contentType: "text/csv",
    attempt: 1,
    createdAt: "2026-01-01T00:00:00.000Z",
  };
  answerTo = () => ({ result: { items: [{ ...artifact, addedLater: { deep: true } }], alsoLater: 1 } });
  expect(JSON.parse((await call("GET", of("artifacts"))).text)).toEqual({ items: [artifact] });
});

test("a renewed token opens the same job, and the old one goes on working", async ({ expect }) => {
  const renewed = JSON.parse((await call("POST", of("token"))).text) as { token: string; expiresInMs: number };
  expect(renewed.expiresInMs).toBe(3_600_000);
  for (const bearer of [renewed.token, token]) {
    expect((await call("GET", of("input"), { token: bearer })).status).toBe(200);
  }
});

test.for([
  ["climbing", "../secret"],
  ["an absolute path", "/etc/passwd"],
  ["a drive", "C:x"],
  ["a backslash", String.raw`a\b`],
  ["an empty part", "a//b"],
  ["a NUL", "a\0b"],
  ["a bidi mark", "a\u202eb"],
  ["a dot at the end", "a."],
  ["nothing", ""],
])("B47 an artifact named by %s is refused", async ([, name = ""], { expect }) => {
  const answer = await call("POST", of(`artifacts?name=${encodeURIComponent(name)}`), { body: "x" });
  expect(problemOf(answer)).toBe("422 invalid_name");
  expect(asked).toEqual([]);
});

test("B37 an output that nests as deep as JSON may is refused here, where its script hears of it", async ({
  expect,
}) => {
  const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  expect((await call("POST", of("output"), { body: nested(60) })).status).toBe(204);
  expect(problemOf(await call("POST", of("output"), { body: nested(61) }))).toBe("400 too_deep");
});

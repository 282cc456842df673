import { beforeAll, test } from "vitest";
import { MAX_BODY_BYTES } from "@cronium/protocol/limits";
import { problemOf, refusalOf, send, setUp, type Setup, type ProblemBody } from "./installation.ts";

let plane: Setup;
beforeAll(async () => {
  plane = await setUp();
});

const event = { name: "Nightly", kind: "script", runtime: "bash", script: "true" };
const post = (body: unknown, headers?: Record<string, string>): Promise<Response> =>
  send("POST", "/api/v1/events", { key: plane.apiKey, body, ...(headers === undefined ? {} : { headers }) });
const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

test("B1-B7 what is not strict JSON is refused with its position, before any schema", async ({ expect }) => {
  const deep = `${"[".repeat(70)}${"]".repeat(70)}`;
  const cases: [unknown, string][] = [
    ["", "400 body_required"],
    ['{"name":', "400 invalid_json"],
    ['{"name":"a"} x', "400 invalid_json"],
    ["\ufeff{}", "400 invalid_json"],
    ['{"name":"\\ud800"}', "400 invalid_json"],
    ["{'name':1}", "400 invalid_json"],
    ['{"timeoutMs":1e999}', "422 out_of_range"],
    ['{"timeoutMs":NaN}', "400 invalid_json"],
    ['{"timeoutMs":9007199254740993}', "422 out_of_range"],
    [bytes(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), "400 invalid_json"],
    ['{"name":"a","name":"b"}', "400 duplicate_key"],
    [`{"input":${deep}}`, "400 too_deep"],
    ['{"env":{"__proto__":{"a":1}}}', "422 forbidden_key"],
    ['{"constructor":{"prototype":{}}}', "422 forbidden_key"],
  ];
  for (const [body, expected] of cases) {
    expect(await refusalOf(await post(body)), String(body).slice(0, 40)).toBe(expected);
  }
  const { detail } = await problemOf(await post('{"name": }'));
  expect(detail).toContain("character 9");
});

test("B1 a body of another type or encoding is refused as such", async ({ expect }) => {
  const body = JSON.stringify(event);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "x"]) {
    expect(await refusalOf(await post(body, { "content-type": type })), type).toBe("415 unsupported_media_type");
  }
  expect(await refusalOf(await post(body, { "content-encoding": "gzip" }))).toBe("415 unsupported_media_type");
  expect((await post(body, { "content-type": "Application/JSON; charset=UTF-8" })).status).toBe(201);
});

test("B3 a body beyond the limit is refused, announced or not", async ({ expect }) => {
  const large = JSON.stringify({ ...event, script: "x".repeat(MAX_BODY_BYTES) });
  const problem = await problemOf(await post(large));
  expect(problem).toMatchObject({ status: 413, code: "body_too_large" });
  expect(problem.detail).toContain(String(MAX_BODY_BYTES));
});

test("B5, B7, B9, B14, B15, B18, B19 each wrong field is named by pointer, code and sentence", async ({ expect }) => {
  const cases: [object, string, string][] = [
    [{ uid: 1 }, "/uid", "unknown_field"],
    [{ workspaceId: "ws_x" }, "/workspaceId", "unknown_field"],
    [{ name: 1 }, "/name", "invalid_type"],
    [{ name: "" }, "/name", "invalid_name"],
    [{ name: "a\u0007" }, "/name", "invalid_name"],
    [{ name: "a\u202eb" }, "/name", "invalid_name"],
    [{ name: "x".repeat(10_000) }, "/name", "invalid_name"],
    [{ runtime: "perl" }, "/runtime", "invalid_value"],
    [{ timeoutMs: "5 minutes" }, "/timeoutMs", "invalid_type"],
    [{ timeoutMs: 0 }, "/timeoutMs", "out_of_range"],
    [{ timeoutMs: -1 }, "/timeoutMs", "out_of_range"],
    [{ timeoutMs: 1e9 }, "/timeoutMs", "out_of_range"],
    [{ timeoutMs: 1_000.5 }, "/timeoutMs", "invalid_type"],
    [{ env: { "1A": "x" } }, "/env/1A", "invalid_env_name"],
    [{ env: { "A=B": "x" } }, "/env/A=B", "invalid_env_name"],
    [{ env: { "A\nB": "x" } }, "/env/A\nB", "invalid_env_name"],
    [{ env: { LD_PRELOAD: "x" } }, "/env/LD_PRELOAD", "env_reserved"],
    [{ env: { A: "a\0" } }, "/env/A", "invalid_value"],
    [{ env: { A: 1 } }, "/env/A", "invalid_type"],
    [{ mounts: [{ name: "a", target: "/proc" }] }, "/mounts/0/target", "invalid_value"],
    [{ mounts: [{ name: "a", target: "/data", mode: "rw" }] }, "/mounts/0/mode", "unknown_field"],
    [{ labels: { "a/b": 1 } }, "/labels/a~1b", "invalid_type"],
    [{ container: { image: "-v /:/x" } }, "/container/image", "invalid_image"],
    [{ container: { image: "img;rm" } }, "/container/image", "invalid_image"],
    [{ container: { image: `img@sha256:${"a".repeat(63)}` } }, "/container/image", "invalid_image"],
    [{ container: { privileged: true } }, "/container/privileged", "unknown_field"],
    [{ container: { cpus: 0 } }, "/container/cpus", "out_of_range"],
    [{ container: { network: { mode: "host" } } }, "/container/network/mode", "invalid_type"],
    [{ container: { network: { mode: "allowlist", hosts: ["*"] } } }, "/container/network/hosts/0", "invalid_value"],
    [{ script: "" }, "/script", "out_of_range"],
    [{ script: " \r\n\t\ufeff" }, "/script", "invalid_value"],
    [{ script: "a\0b" }, "/script", "invalid_value"],
  ];
  for (const [change, pointer, code] of cases) {
    const problem = await problemOf(await post({ ...event, ...change }));
    const found = problem.errors.find((error) => error.pointer === pointer);
    expect([problem.status, found?.code], JSON.stringify(change).slice(0, 60)).toEqual([422, code]);
    expect(found?.message.length).toBeGreaterThan(3);
    if (pointer === "/timeoutMs") {
      expect(found?.message).toContain("allowed are 1000 to 86400000");
    }
  }
});

test("B19 an event whose image may be another one tomorrow is stored, with a notice", async ({ expect }) => {
  const save = async (image: string | null): Promise<Record<string, unknown>> => {
    const response = await post({ ...event, container: { image } });
    expect(response.status).toBe(201);
    return (await response.json()) as Record<string, unknown>;
  };
  const stored = await save("team/app");
  expect(stored["notices"]).toMatchObject([{ code: "mutable_image", pointer: "/container/image" }]);
  expect(await save("team/app:1.4")).not.toHaveProperty("notices");
  expect(await save(`team/app@sha256:${"a".repeat(64)}`)).not.toHaveProperty("notices");
  expect(await save(null)).not.toHaveProperty("notices");

  const change = { version: 1, container: { image: "team/app:latest" } };
  const changed = await send("PATCH", `/api/v1/events/${String(stored["id"])}`, { key: plane.apiKey, body: change });
  expect(await changed.json()).toMatchObject({ version: 2, notices: [{ code: "mutable_image" }] });
  const read = await send("GET", `/api/v1/events/${String(stored["id"])}`, { key: plane.apiKey });
  expect(await read.json()).not.toHaveProperty("notices");
});

test("B18 a script of 1 MiB, with line ends of Windows or without a first line of #!, is stored as it is", async ({
  expect,
}) => {
  expect(await refusalOf(await post({ ...event, script: "é".repeat(524_289) }))).toBe("413 body_too_large");
  for (const script of ["x".repeat(1_048_576), "\ufeffecho a\r\necho b\r\n", "true"]) {
    const answer = await post({ ...event, script });
    expect(answer.status).toBe(201);
    expect((await answer.json<{ script: string }>()).script === script).toBe(true);
  }
});

test("several wrong fields are listed at once", async ({ expect }) => {
  const problem = await problemOf(await post({ runtime: "bash", script: 1, other: true }));
  expect(problem.errors.map((error) => `${error.pointer} ${error.code}: ${error.message}`)).toEqual([
    "/script invalid_type: expected string, received number",
    "/name invalid_type: is required",
    "/other unknown_field: is not a known field",
  ]);
  expect(problem.detail).toBe("/script expected string, received number. 2 more errors are listed.");
});

test("a body that is no object is refused", async ({ expect }) => {
  for (const body of ["[]", "null", '"x"', "1"]) {
    const problem = await problemOf(await post(body));
    expect([problem.status, problem.code, problem.errors[0]?.pointer], body).toEqual([422, "invalid_type", ""]);
  }
});

test("B8 ids that are malformed are refused, and foreign ones do not exist", async ({ expect }) => {
  const get = (path: string): Promise<Response> => send("GET", `/api/v1${path}`, { key: plane.apiKey });
  for (const id of [
    "x",
    "evt_",
    "run_01m7xqece7rd9cwj5ny98npjgv",
    "..%2fx",
    "%2e%2e%2fx",
    "%252F",
    "a%00b",
    "y".repeat(10_000),
  ]) {
    expect(await refusalOf(await get(`/events/${id}`)), id.slice(0, 40)).toBe("400 invalid_id");
  }
  expect(await refusalOf(await get("/events/evt_01m7xqece7rd9cwj5ny98npjgv"))).toBe("404 not_found");
  expect(await refusalOf(await get("/runs/run_01m7xqece7rd9cwj5ny98npjgv"))).toBe("404 not_found");
});

test("B39 cursors and limits that make no sense are refused", async ({ expect }) => {
  const list = (query: string): Promise<Response> => send("GET", `/api/v1/runs?${query}`, { key: plane.apiKey });
  for (const limit of ["0", "-1", "1000000000", "ten", ""]) {
    expect(await refusalOf(await list(`limit=${limit}`)), limit).toBe("400 invalid_limit");
  }
  expect(await refusalOf(await list("cursor=forged"))).toBe("400 invalid_cursor");
  expect(await refusalOf(await list(`cursor=${"x".repeat(600)}`))).toBe("400 invalid_cursor");
});

test("B50 unknown paths are 404, known ones with another method 405 with the possible ones", async ({ expect }) => {
  expect(await refusalOf(await send("GET", "/api/v1/nothing"))).toBe("404 not_found");
  expect(await refusalOf(await send("GET", "/api//v1/events"))).toBe("404 not_found");
  expect(await refusalOf(await send("POST", "/"))).toBe("404 not_found");
  expect(await refusalOf(await send("GET", "/events%2f..%2fapi"))).toBe("404 not_found");
  for (const method of ["PUT", "DELETE", "OPTIONS"]) {
    const response = await send(method, "/api/v1/events", { key: plane.apiKey });
    expect(response.headers.get("allow"), method).toBe("HEAD, GET, POST");
    expect(await refusalOf(response)).toBe("405 method_not_allowed");
  }
});

test("a refusal carries everything a client needs and nothing of the inside", async ({ expect }) => {
  const response = await post({ ...event, name: `${"n".repeat(300)}<script>` });
  const problem: ProblemBody = await problemOf(response);
  expect(problem).toMatchObject({
    type: "urn:cronium:error:invalid_name",
    title: "invalid name",
    status: 422,
    hint: expect.stringContaining("1 to 200 characters"),
    request_id: expect.stringMatching(/^req_[0-9a-z]{26}$/),
  });
  expect(response.headers.get("x-request-id")).toBe(problem.request_id);
  expect(JSON.stringify(problem)).not.toMatch(/node_modules|\.ts:|at async|<script>/);
});

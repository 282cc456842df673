import type { Variable, VariableVersion } from "@cronium/protocol";
import { test } from "vitest";
import { makePlane, type Plane } from "./plane.ts";
import { createEvent } from "./queue-story.ts";

async function codeOf(response: Response): Promise<string> {
  return `${response.status} ${(await response.json<{ code: string }>()).code}`;
}

const create = (plane: Plane, body: object): Promise<Variable> => plane.expectJson(201, "POST", "/variables", body);

test("a variable keeps each of its values as a version, with who wrote it", async ({ expect }) => {
  const plane = await makePlane();
  const made = await create(plane, { name: "REGION", value: { zones: ["a"] } });
  expect(made).toMatchObject({ type: "json", version: 1, value: { zones: ["a"] } });
  const set = await plane.expectJson<Variable>(200, "PUT", `/variables/${made.id}`, { value: ["b"], description: "d" });
  expect(set).toMatchObject({ version: 2, value: ["b"], description: "d" });
  const { items } = await plane.expectJson<{ items: VariableVersion[] }>(200, "GET", `/variables/${made.id}/versions`);
  expect(items.map(({ version, value }) => [version, value])).toEqual([
    [2, ["b"]],
    [1, { zones: ["a"] }],
  ]);
  expect(items[0]?.by).toMatch(/^key_/);
  expect((await plane.call("DELETE", `/variables/${made.id}`)).status).toBe(204);
  expect(await codeOf(await plane.call("GET", `/variables/${made.id}/versions`))).toBe("404 not_found");
});

test("of two writers that saw the same version one is refused, by field and by header", async ({ expect }) => {
  const plane = await makePlane();
  const { id } = await create(plane, { name: "COUNT", value: 1 });
  expect((await plane.call("GET", `/variables/${id}`)).headers.get("etag")).toBe('"1"');
  const path = `/variables/${id}`;
  const answers = await Promise.all([
    plane.call("PUT", path, { value: 2, version: 1 }),
    plane.call("PUT", path, { value: 3 }, { "if-match": '"1"' }),
  ]);
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
  expect(await codeOf(await plane.call("DELETE", path, undefined, { "if-match": '"1"' }))).toBe("412 version_conflict");
  expect(await codeOf(await plane.call("PUT", path, { value: 2 }, { "if-match": "W/1" }))).toBe("422 invalid_value");
  expect((await plane.call("DELETE", path, undefined, { "if-match": '"2"' })).status).toBe(204);
});

test("a variable keeps its type until another is named", async ({ expect }) => {
  const plane = await makePlane();
  const { id } = await create(plane, { name: "LIMIT", value: 5 });
  expect(await codeOf(await plane.call("PUT", `/variables/${id}`, { value: "5" }))).toBe("422 invalid_type");
  expect(await plane.expectJson(200, "PUT", `/variables/${id}`, { value: "5", type: "string" })).toMatchObject({
    type: "string",
  });
  const wrong = await plane.call("POST", "/variables", { name: "FLAG", value: "yes", type: "boolean" });
  expect(await codeOf(wrong)).toBe("422 invalid_type");
  expect(await create(plane, { name: "NOTHING", value: null })).toMatchObject({ type: "json", value: null });
});

test("B15 B37 names, sizes and sums have their limits", async ({ expect }) => {
  const plane = await makePlane();
  for (const [name, code] of [
    ["region", "422 invalid_env_name"],
    ["PATH", "422 env_reserved"],
    ["DOCKER_HOST", "422 env_reserved"],
  ]) {
    expect(await codeOf(await plane.call("POST", "/variables", { name, value: 1 })), name).toBe(code);
  }
  const large = "v".repeat(65_000);
  expect(await codeOf(await plane.call("POST", "/variables", { name: "A", value: `${large}${large}` }))).toBe(
    "413 body_too_large",
  );
  for (const name of ["A", "B", "C", "D"]) {
    await create(plane, { name, value: large });
  }
  expect(await codeOf(await plane.call("POST", "/variables", { name: "E", value: large }))).toBe("422 out_of_range");
  expect(await codeOf(await plane.call("POST", "/variables", { name: "A", value: 1 }))).toBe("409 name_taken");
});

test("an event's own variable comes before the workspace's, and no other workspace sees either", async ({ expect }) => {
  const [plane, other] = [await makePlane(), await makePlane()];
  const eventId = await createEvent(plane, {});
  const common = await create(plane, { name: "REGION", value: "eu" });
  await create(plane, { name: "REGION", value: "us", eventId });
  const resolved = await plane.expectJson<{ items: Variable[] }>(200, "GET", `/variables?eventId=${eventId}`);
  expect(resolved.items.map(({ value }) => value)).toEqual(["us"]);
  expect((await plane.expectJson<{ items: Variable[] }>(200, "GET", "/variables")).items).toHaveLength(2);
  expect((await other.expectJson<{ items: Variable[] }>(200, "GET", "/variables")).items).toEqual([]);
  expect(await codeOf(await other.call("GET", `/variables/${common.id}`))).toBe("404 not_found");
  expect(await codeOf(await other.call("PUT", `/variables/${common.id}`, { value: "x" }))).toBe("404 not_found");
  expect(await codeOf(await other.call("POST", "/variables", { name: "X", value: 1, eventId }))).toBe("404 not_found");
});

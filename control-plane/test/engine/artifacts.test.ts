/** What jobs keep and say of themselves: artifacts, a name, a condition and progress, on the run while it runs and after. */
import { createHash } from "node:crypto";
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import type { Artifact, Run } from "@cronium/protocol";
import { afterEach, test } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import { artifactKey } from "../../src/domain/blob-keys.ts";
import { ask, codeOf, resultOf, running, startJob, type Story } from "./calling.ts";
import { closeAll } from "./fake-runner.ts";
import { makePlane, ORIGIN, type Plane, waitFor } from "./plane.ts";

afterEach(closeAll);

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(text));
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

function carry(method: "PUT" | "GET", ticket: string, body?: Uint8Array<ArrayBuffer>): Promise<Response> {
  return exports.default.fetch(
    new Request(`${ORIGIN}/api/v1/runner/artifacts`, {
      method,
      headers: { authorization: `Bearer ${ticket}` },
      ...(body === undefined ? {} : { body }),
    }),
  );
}

interface Put {
  readonly name: string;
  readonly text: string;
  readonly sha256?: string;
}

function begin({ connection, ref }: Story, { name, text, sha256 }: Put, bytes = bytesOf(text).length) {
  return ask(connection, ref, {
    do: "artifact.put",
    name,
    bytes,
    contentType: "text/plain",
    ...(sha256 === undefined ? {} : { sha256 }),
  });
}

/** The whole way of one artifact. */
async function keep(story: Story, put: Put): Promise<Response> {
  const { token } = await resultOf(begin(story, put));
  return carry("PUT", token as string, bytesOf(put.text));
}

async function problem(response: Response): Promise<string> {
  return `${response.status} ${(await response.json<{ code: string }>()).code}`;
}

const blobOf = (plane: Plane, { ref }: Story, number: number) =>
  makeDeps(env as unknown as Env).blobs.get(artifactKey(plane.workspaceId, ref.runId, number));

test("an artifact is on the run at once, comes back byte for byte, and outlives the attempt", async ({ expect }) => {
  const plane = await makePlane();
  const story = await running(plane);
  const text = "a,b\n1,2\n";
  const stored = await keep(story, { name: "reports/März 1.csv", text, sha256: hashOf(text) });
  expect([stored.status, await stored.json()]).toMatchObject([201, { sha256: hashOf(text), bytes: text.length }]);

  const listed = await resultOf(ask(story.connection, story.ref, { do: "artifact.list" }));
  expect(listed["items"]).toMatchObject([{ number: 1, name: "reports/März 1.csv", attempt: 1 }]);
  const opened = await resultOf(ask(story.connection, story.ref, { do: "artifact.get", name: "reports/März 1.csv" }));
  const back = await carry("GET", opened["token"] as string);
  expect(await back.text()).toBe(text);

  await story.connection.finish(story.ref);
  const run = await plane.run(story.ref.runId);
  expect(run.artifacts).toMatchObject([{ number: 1, bytes: text.length, contentType: "text/plain" }]);
  const download = await plane.call("GET", `/runs/${run.id}/artifacts/1`);
  expect(await download.text()).toBe(text);
  expect(download.headers.get("content-disposition")).toBe("attachment; filename*=UTF-8''M%C3%A4rz%201.csv");
  expect(download.headers.get("content-type")).toBe("application/octet-stream");
  expect(await problem(await plane.call("GET", `/runs/${run.id}/artifacts/2`))).toBe("404 not_found");
  const stranger = await makePlane();
  expect(await problem(await stranger.call("GET", `/runs/${run.id}/artifacts/1`))).toBe("404 not_found");
});

test("the same bytes under the same name are the same artifact, others are refused", async ({ expect }) => {
  const plane = await makePlane();
  const story = await running(plane);
  expect((await keep(story, { name: "a", text: "one" })).status).toBe(201);
  expect((await keep(story, { name: "a", text: "one" })).status).toBe(201);
  expect(await resultOf(begin(story, { name: "a", text: "one", sha256: hashOf("one") }))).toMatchObject({
    token: null,
  });
  expect(await problem(await keep(story, { name: "a", text: "two" }))).toBe("409 artifact_exists");
  expect(await codeOf(begin(story, { name: "a", text: "other" }))).toBe("artifact_exists");
  expect((await plane.run(story.ref.runId)).artifacts.map(({ number }: Artifact) => number)).toEqual([1]);
  for (const number of [2, 3]) {
    expect(await blobOf(plane, story, number)).toBeNull();
  }
});

test("bytes that are not those that were announced are not kept", async ({ expect }) => {
  const plane = await makePlane();
  const story = await running(plane);
  expect(await problem(await keep(story, { name: "a", text: "one", sha256: hashOf("two") }))).toBe(
    "422 checksum_mismatch",
  );
  const { token } = await resultOf(begin(story, { name: "b", text: "four" }));
  expect(await problem(await carry("PUT", token as string, bytesOf("five5")))).toBe("422 invalid_value");
  expect((await carry("PUT", token as string, bytesOf("fou"))).status).toBe(422);
  expect((await plane.run(story.ref.runId)).artifacts).toEqual([]);
  expect([await blobOf(plane, story, 1), await blobOf(plane, story, 2)]).toEqual([null, null]);
});

test("T2 B30 a ticket is good for its own artifact, in its own direction, while the attempt lives", async ({
  expect,
}) => {
  const plane = await makePlane();
  const story = await running(plane);
  const { token } = await resultOf(begin(story, { name: "a", text: "one" }));
  const ticket = token as string;
  expect(await problem(await carry("GET", ticket))).toBe("401 invalid_token");
  expect(await problem(await carry("PUT", `${ticket}x`, bytesOf("one")))).toBe("401 invalid_token");
  expect(await problem(await carry("PUT", "", bytesOf("one")))).toBe("401 invalid_token");
  await story.connection.finish(story.ref);
  expect(await problem(await carry("PUT", ticket, bytesOf("one")))).toBe("403 attempt_not_active");
  expect(await blobOf(plane, story, 1)).toBeNull();
});

test("an upload that never ended is cleared away with its bytes once its attempt is over", async ({ expect }) => {
  const plane = await makePlane();
  const story = await running(plane);
  const begun = await resultOf(begin(story, { name: "half", text: "whole" }));
  expect(begun["token"]).toEqual(expect.any(String));
  // As when the control plane was stopped between the bytes and the word that they are there.
  const { blobs } = makeDeps(env as unknown as Env);
  await blobs.put(artifactKey(plane.workspaceId, story.ref.runId, 1), bytesOf("whole"));
  expect((await keep(story, { name: "kept", text: "kept" })).status).toBe(201);
  await story.connection.finish(story.ref);
  const rows = () =>
    runInDurableObject(plane.dispatcherStub, (_, { storage }) =>
      storage.sql.exec("SELECT number FROM artifacts WHERE run_id = ?", story.ref.runId).toArray(),
    );
  await waitFor(async () => {
    await runDurableObjectAlarm(plane.dispatcherStub);
    const left = await rows();
    return left.length === 1 ? { ok: true, value: null } : { ok: false, seen: JSON.stringify(left) };
  }, "that the unfinished one is gone");
  expect(await rows()).toEqual([{ number: 2 }]);
  expect(await blobOf(plane, story, 1)).toBeNull();
  const whole = await blobOf(plane, story, 2);
  expect(await new Response(whole?.stream).text()).toBe("kept");
});

test("the artifacts of a run go with it when its time is over", async ({ expect }) => {
  const plane = await makePlane();
  const story = await running(plane);
  expect((await keep(story, { name: "a", text: "one" })).status).toBe(201);
  expect((await keep(story, { name: "b", text: "two" })).status).toBe(201);
  await story.connection.finish(story.ref);
  const { runId } = story.ref;
  const database = (env as unknown as Env).DB;
  await waitFor(async () => {
    const row = await database.prepare("SELECT finished_at FROM runs WHERE id = ?").bind(runId).first();
    const isThere = (row?.["finished_at"] ?? null) !== null;
    return isThere ? { ok: true, value: null } : { ok: false, seen: JSON.stringify(row) };
  }, "that the ended run is projected");
  const longAgo = Date.now() - 100 * 86_400_000;
  await database.prepare("UPDATE runs SET queued_at = ?2, finished_at = ?2 WHERE id = ?1").bind(runId, longAgo).run();
  // Any change of the settings looks at once.
  await plane.expectJson(200, "PATCH", "/settings", { retentionDays: 30 });
  await waitFor(async () => {
    const left = [await blobOf(plane, story, 1), await blobOf(plane, story, 2)];
    return left.every((blob) => blob === null) ? { ok: true, value: null } : { ok: false, seen: "blobs are left" };
  }, "that their bytes are gone");
  expect(await problem(await plane.call("GET", `/runs/${runId}/artifacts/1`))).toBe("404 not_found");
});

test("B47 names, sizes and sums have their limits", async ({ expect }) => {
  const plane = await makePlane();
  const story = await running(plane);
  const most = 268_435_456;
  for (let i = 0; i < 4; i += 1) {
    expect(await codeOf(begin(story, { name: `f${i}`, text: "" }, most))).toBe("none");
  }
  expect((await keep(story, { name: "empty", text: "" })).status).toBe(201);
  const { token } = await resultOf(begin(story, { name: "late", text: "1" }));
  await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
    storage.sql.exec("UPDATE artifacts SET sha256 = 'x' WHERE bytes = ?", most);
  });
  expect(await codeOf(begin(story, { name: "more", text: "1" }))).toBe("artifact_too_large");
  // It was begun while there was room.
  expect(await problem(await carry("PUT", token as string, bytesOf("1")))).toBe("413 artifact_too_large");
});

test("a run shows what its job says, of the newest attempt, and its name over all", async ({ expect }) => {
  const plane = await makePlane();
  const { connection, ref } = await running(plane);
  const note = (op: object) => resultOf(ask(connection, ref, { do: "note", ...op }));
  await note({ name: "Import 7" });
  await note({ condition: false });
  await note({ condition: true });
  await note({ progress: { fraction: 0.5, message: "half" } });
  expect(await plane.run(ref.runId)).toMatchObject({
    name: "Import 7",
    condition: true,
    progress: { fraction: 0.5, message: "half" },
  });
  const seen = (run: Run): boolean => run.name === "Import 7" && run.progress?.fraction === 0.5;
  await plane.until(ref.runId, seen, "the note on the run");
  const other = await startJob(plane, connection);
  expect(await plane.run(other.runId)).toMatchObject({ name: null, condition: null, progress: null, artifacts: [] });

  connection.send({
    type: "exited",
    ...ref,
    result: {
      outcome: "failed",
      failReason: "daemon",
      message: null,
      exitCode: null,
      signal: null,
      output: null,
      durationMs: null,
    },
  });
  connection.send({ type: "done", jobs: [{ ...ref, logBytes: 0, logState: "complete" }] });
  await plane.until(ref.runId, ({ state }) => state === "queued" || state === "starting", "the retry");
  expect(await plane.run(ref.runId)).toMatchObject({ name: "Import 7" });
});

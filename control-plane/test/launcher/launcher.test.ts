import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, test } from "vitest";
import { buildControlPlane, cli, until, Workbench, type Ready } from "./plane.ts";

const bench = new Workbench();
beforeAll(buildControlPlane, 120_000);
afterEach(() => bench.cleanUp(), 30_000);

async function me(plane: Pick<Ready, "url" | "apiKey">): Promise<{ status: number; body: string }> {
  const response = await fetch(`${plane.url}/api/v1/me`, {
    headers: { authorization: `Bearer ${plane.apiKey}` },
  });
  return { status: response.status, body: await response.text() };
}

function claim(url: string, token: string): Promise<Response> {
  return fetch(`${url}/api/v1/claim`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token, name: "Ada", email: "ada@example.org", password: "a long password" }),
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const tokenOf = (claimUrl: string | null): string => claimUrl?.split("#token=")[1] ?? "none";
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test("the first start makes a ready installation whose key works and whose files are private", async ({ expect }) => {
  const data = bench.folder();
  const plane = await bench.launch(data).ready;

  const ready = await fetch(`${plane.url}/ready`);
  expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [] }]);
  expect(await me(plane)).toMatchObject({ status: 200 });
  const local: unknown = JSON.parse(readFileSync(join(data, "local.json"), "utf8"));
  expect(local).toEqual({ url: plane.url, workspaceId: plane.workspaceId, apiKey: plane.apiKey });
  expect([modeOf(join(data, "local.json")), modeOf(join(data, "secrets.json"))]).toEqual(["600", "600"]);
  expect(readFileSync(join(data, "control-plane/workerd.capnp"), "utf8")).not.toContain(
    (JSON.parse(readFileSync(join(data, "secrets.json"), "utf8")) as { AUTH_SECRET: string }).AUTH_SECRET,
  );
});

test("a POST without a body asks for the defaults, or is told that it needs one", async ({ expect }) => {
  const { url, apiKey } = await bench.launch(bench.folder()).ready;
  const post = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url + path, { method: "POST", headers: { authorization: `Bearer ${apiKey}`, ...headers } });
  expect((await post("/api/v1/registration-tokens")).status).toBe(201);
  for (const headers of [{}, { "content-type": "application/json" }]) {
    const refused = await post("/api/v1/events", headers);
    expect([refused.status, await refused.json()]).toMatchObject([400, { code: "body_required" }]);
  }
});

test("a second start keeps workspace and key, and replaces a claim link that nobody used", async ({ expect }) => {
  const data = bench.folder();
  const first = bench.launch(data);
  const before = await first.ready;
  first.child.kill("SIGTERM");
  expect(await first.ended).toBe(0);

  const after = await bench.launch(data).ready;

  expect(after.workspaceId).toBe(before.workspaceId);
  expect(after.apiKey).toBe(before.apiKey);
  expect((await claim(after.url, tokenOf(before.claimUrl))).status).toBe(401);
  expect((await claim(after.url, tokenOf(after.claimUrl))).status).toBe(201);
});

test("once there is an owner, starts print no claim link, and a lost local.json is written again", async ({
  expect,
}) => {
  const data = bench.folder();
  const first = bench.launch(data);
  const before = await first.ready;
  await claim(before.url, tokenOf(before.claimUrl));
  first.child.kill("SIGTERM");
  await first.ended;
  rmSync(join(data, "local.json"));

  const after = await bench.launch(data).ready;

  expect(after.claimUrl).toBeNull();
  expect(after.apiKey).not.toBe(before.apiKey);
  expect(await me(after)).toMatchObject({ status: 200 });
});

test("a taken port is named, with the option that chooses another", async ({ expect }) => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
  );
  try {
    const launcher = bench.launch(bench.folder(), "--port", String(port));
    expect(await launcher.ended).toBe(1);
    expect(launcher.said()).toBe(
      `Port ${port} on 127.0.0.1 is taken by another program. Choose another one with --port.\n`,
    );
  } finally {
    server.close();
  }
});

test("a second instance on one folder is told who has it, and disturbs nothing", async ({ expect }) => {
  const data = bench.folder();
  const first = bench.launch(data);
  const plane = await first.ready;

  const second = bench.launch(data);

  expect(await second.ended).toBe(1);
  expect(second.said()).toContain(`is in use by process ${first.child.pid} at ${plane.url}.`);
  expect(await me(plane)).toMatchObject({ status: 200 });
});

test("a folder that cannot be written is named", async ({ expect }) => {
  const file = join(bench.folder(), "a-file");
  writeFileSync(file, "");
  const launcher = bench.launch(join(file, "data"));
  expect(await launcher.ended).toBe(1);
  expect(launcher.said()).toMatch(/^The data folder \S+ cannot be written \(ENOTDIR\)\. .*--data\.\n$/);
});

test("a folder below /proc is refused instead of being waited for", async ({ expect }) => {
  const launcher = bench.launch("/proc/cronium/data");
  expect(await launcher.ended).toBe(1);
  expect(launcher.said()).toMatch(/^The data folder \S+ cannot be written \(ENOENT\)\. .*--data\.\n$/);
});

test("an unusable setting stops the start and is named", async ({ expect }) => {
  const launcher = bench.launch(bench.folder(), "--var", "LEASE_MS=5000");
  expect(await launcher.ended).toBe(1);
  expect(launcher.said()).toContain("LEASE_MS");
  expect(launcher.said()).toContain("must be at least 90000");
});

test("a crashed workerd comes back on the same port with all that was acknowledged", async ({ expect }) => {
  const launcher = bench.launch(bench.folder());
  const plane = await launcher.ready;
  expect((await claim(plane.url, tokenOf(plane.claimUrl))).status).toBe(201);

  process.kill(plane.workerdPid, "SIGKILL");
  await until("workerd is gone", () => Promise.resolve(isRunning(plane.workerdPid) ? null : true));
  const back = await until("it answers again", async () => {
    const answer = await me(plane);
    return answer.status === 200 ? answer : null;
  });
  expect(back.body).toContain(plane.workspaceId);
  expect((await claim(plane.url, tokenOf(plane.claimUrl))).status).toBe(401);
  expect(launcher.said()).toContain("The control plane stopped (workerd was ended by SIGKILL)");
});

test("SIGHUP takes a new build into use without a word of a crash", async ({ expect }) => {
  const launcher = bench.launch(bench.folder());
  const plane = await launcher.ready;
  launcher.child.kill("SIGHUP");
  await until("the old workerd is gone", () => Promise.resolve(isRunning(plane.workerdPid) ? null : true));
  await until("it answers again", async () => ((await me(plane)).status === 200 ? true : null));
  expect(launcher.said()).toBe("");
});

test("a start after a killed launcher ends the workerd it left and takes the port over", async ({ expect }) => {
  const data = bench.folder();
  const first = bench.launch(data);
  const before = await first.ready;
  first.child.kill("SIGKILL");
  await first.ended;
  expect(await me(before)).toMatchObject({ status: 200 });

  const after = await bench.launch(data, "--port", new URL(before.url).port).ready;

  expect(after.url).toBe(before.url);
  expect(after.workerdPid).not.toBe(before.workerdPid);
  expect(await me(before)).toMatchObject({ status: 200 });
});

test("a launcher whose parent is gone stops", async ({ expect }) => {
  const launcher = bench.launch(bench.folder());
  const plane = await launcher.ready;
  launcher.child.stdin?.end();
  expect(await launcher.ended).toBe(0);
  await expect(fetch(plane.url)).rejects.toThrow();
});

test("status tells where it runs and whether it is ready, and stop stops it", async ({ expect }) => {
  const data = bench.folder();
  expect(cli("status", "--data", data)).toMatchObject({ code: 3 });
  const launcher = bench.launch(data);
  const plane = await launcher.ready;

  const status = cli("status", "--data", data);
  expect(status).toEqual({
    code: 0,
    said: `A control plane runs at ${plane.url} (process ${launcher.child.pid}): ready.\n`,
  });
  expect(cli("stop", "--data", data)).toEqual({ code: 0, said: "Stopped.\n" });
  expect(await launcher.ended).toBe(0);
  expect(cli("status", "--data", data)).toMatchObject({ code: 3 });
});

test("T27 a rotated key takes over at the next start, and the old one is forgotten only when nothing needs it", async ({
  expect,
}) => {
  const data = bench.folder();
  const first = bench.launch(data);
  const ready = await first.ready;
  const store = (at: Ready, name: string): Promise<Response> =>
    fetch(`${at.url}/api/v1/secrets`, {
      method: "POST",
      headers: { authorization: `Bearer ${at.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ name, value: "hunter2-unique" }),
    });
  expect((await store(ready, "TOKEN")).status).toBe(201);
  expect(cli("rotate-key", "--data", data).code).toBe(0);
  expect(cli("forget-old-keys", "--data", data).said).toContain("not in use yet");
  first.child.kill("SIGTERM");
  await first.ended;
  const second = bench.launch(data);
  const again = await second.ready;
  const status = await until("every secret is encrypted again", async () => {
    await fetch(`${again.url}/ready`);
    const { said } = cli("key-status", "--data", data);
    return /\(current\): 1 secret\n/.test(said) && said.includes("(old): 0 secrets") ? said : null;
  });
  expect(status.split("\n").filter((line) => line !== "")).toHaveLength(2);
  expect(cli("forget-old-keys", "--data", data)).toMatchObject({ code: 0 });
  second.child.kill("SIGTERM");
  await second.ended;
  const third = bench.launch(data);
  const last = await third.ready;
  expect((await fetch(`${last.url}/ready`)).status).toBe(200);
  expect((await store(again.url === last.url ? again : last, "TOKEN")).status).toBe(409);
});

test("T27 a guessable master key keeps it from starting, with the reason and without the key", async ({ expect }) => {
  const data = bench.folder();
  const first = bench.launch(data);
  await first.ready;
  first.child.kill("SIGTERM");
  await first.ended;
  const path = join(data, "secrets.json");
  const weak = "A".repeat(43);
  const secrets = JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
  writeFileSync(path, JSON.stringify({ ...secrets, SECRETS_KEY: weak }));
  const second = bench.launch(data);
  await expect(second.ready).rejects.toThrow(/SECRETS_KEY/);
  expect(await second.ended).toBe(1);
  expect(second.said()).not.toContain(weak);
});

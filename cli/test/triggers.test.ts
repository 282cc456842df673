/** Webhooks and chains through the program, and the examples of the pages on what makes events run. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { examplesOf, runExample } from "./documented.ts";
import { type Plane, startPlane, until } from "./plane.ts";
import { type Ended, makeHome, type Home } from "./program.ts";

let plane: Plane;
let home: Home;

beforeAll(async () => {
  plane = await startPlane();
  home = makeHome({ CRONIUM_URL: plane.url, CRONIUM_TOKEN: plane.apiKey });
});

afterAll(async () => {
  home?.remove();
  await plane?.stop();
});

const cronium = (args: readonly string[], stdin = ""): Promise<Ended> => home.run([...args], { stdin });

const json = <T>(args: readonly string[], stdin = ""): Promise<T> => home.json<T>(args, stdin);

test("a webhook endpoint is made, sent to, and its delivery shown and replayed", async ({ expect }) => {
  const tell = (...args: string[]): Promise<Ended> => cronium(args);
  const ask = <T>(...args: string[]): Promise<T> => json<T>(args);
  const name = `Hooked ${performance.now()}`;
  const script = join(home.folder, "hello.sh");
  writeFileSync(script, "echo hello\n");
  await ask(...["events", "create", "--name", name, "--runtime", "bash", "--script", script, "--label", "site=test"]);
  const made = await ask<{ endpoint: { id: string; path: string; version: number }; secret: string | null }>(
    ...["endpoints", "create", "--name", name, "--event", name, "--verify", "bearer", "--mapping", "body.order"],
  );
  const { endpoint, secret } = made;
  expect((await tell("endpoints", "show", name)).stdout).toContain(`url\t${plane.url}${endpoint.path}`);
  expect((await tell("endpoints", "list")).stdout).toContain(`${plane.url}${endpoint.path}`);
  const post = (key: string) =>
    fetch(`${plane.url}${endpoint.path}`, {
      method: "POST",
      body: JSON.stringify({ order: { id: 7 } }),
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    });
  expect((await post("wrong")).status).toBe(401);
  const answer = await post(secret ?? "");
  expect(answer.status).toBe(202);
  const { deliveryId } = (await answer.json()) as { deliveryId: string };
  expect((await tell("deliveries", "list", "--endpoint", name)).stdout).toMatch(
    /accepted\t1\trun_.*\n.*invalid_signature/,
  );
  expect((await tell("deliveries", "show", deliveryId, "--body")).stdout).toBe('{"order":{"id":7}}');
  const replayed = await tell("deliveries", "replay", deliveryId);
  expect([replayed.code, replayed.stdout]).toEqual([0, expect.stringMatching(new RegExp(`^${deliveryId}\trun_`))]);
  await tell("endpoints", "update", name, "--disable");
  expect((await post(secret ?? "")).status).toBe(410);
  const secretFile = join(home.folder, "hook.secret");
  writeFileSync(secretFile, "a-password-of-old\n");
  const kinds = [
    [["--verify", "basic", "--username", "ada"], { kind: "basic", username: "ada" }],
    [
      ["--verify", "hmac", "--header", "X-Sig", "--algorithm", "sha512", "--encoding", "base64", "--prefix", "v1="],
      { kind: "hmac", header: "X-Sig", algorithm: "sha512", encoding: "base64", prefix: "v1=" },
    ],
    [["--verify", "none"], { kind: "none" }],
  ] as const;
  for (const [flags, verification] of kinds) {
    const secretFlags = flags[1] === "none" ? [] : ["--secret-file", secretFile];
    const changed = await ask<{ endpoint: object }>("endpoints", "update", name, ...flags, ...secretFlags);
    expect(changed.endpoint).toMatchObject({ verification });
  }
  const hidden = await tell("endpoints", "show", name);
  expect(hidden.stdout + (await tell("endpoints", "list")).stdout).not.toContain(endpoint.path);
  const shown = await tell("endpoints", "show", name, "--address");
  expect(shown.stdout).toContain(`url\t${plane.url}${endpoint.path}`);
  const wait = { wait: { timeoutMs: 10_000 }, dedupe: { by: "body", windowMs: 60_000 } };
  const waits = await ask<{ endpoint: object }>("endpoints", "update", name, "--wait", "10s", "--dedupe-window", "1m");
  expect(waits.endpoint).toMatchObject(wait);
  const not = await ask<{ endpoint: object }>("endpoints", "update", name, "--no-wait", "--dedupe", "default");
  expect(not.endpoint).toMatchObject({ wait: null, dedupe: null });
  const long = await tell("endpoints", "update", name, "--wait", "31s");
  expect([long.code, long.stderr]).toEqual([2, expect.stringContaining("/wait/timeoutMs")]);

  const bodyFile = join(home.folder, "order.json");
  writeFileSync(bodyFile, '{"order":{"id":9}}');
  const preview = ["deliveries", "preview", "--endpoint", name];
  const on = [...preview, "--body", bodyFile];
  expect((await tell(...on)).stdout).toBe('accepted\tIt would start a run.\n{\n  "id": 9\n}\n');
  expect(await ask(...preview, "--delivery", deliveryId)).toMatchObject({ verdict: "accepted", input: { id: 7 } });
  const asked = ["--filter", 'headers["x-kind"] == "paid" && query.shop == "7"', "--headers", "-", "--query", "shop=7"];
  expect((await cronium([...on, ...asked], "X-Kind: paid\r\n")).stdout).toMatch(/^accepted\t/);
  const failed = await tell(...on, "--mapping", "$nothing(body)");
  expect([failed.code, failed.stdout]).toEqual([1, expect.stringMatching(/^mapping_failed\t/)]);
  expect((await tell("endpoints", "rotate-address", name)).code).toBe(2);
  const moved = await ask<{ endpoint: { path: string } }>("endpoints", "rotate-address", name, "--yes");
  expect(moved.endpoint.path).not.toBe(endpoint.path);
  const alone = await tell("endpoints", "update", name, "--header", "X-Sig");
  expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining("--header goes with --verify.")]);
  expect((await tell("endpoints", "delete", name, "--yes")).code).toBe(0);
  expect((await post(secret ?? "")).status).toBe(404);
});

test("an event starts another when it ends, and both runs tell of it", async ({ expect }) => {
  const report = `Report ${performance.now()}`;
  const file = join(home.folder, "report.sh");
  writeFileSync(file, "true\n");
  const fields = ["--runtime", "bash", "--script", file, "--label", "site=test"];
  const { id: reportId } = await json<{ id: string }>(["events", "create", "--name", report, ...fields]);
  const fetched = ["events", "create", "--name", `Fetch ${performance.now()}`, ...fields];
  const fetching = await json<{ id: string; chains: unknown }>([...fetched, "--chain", `success=${report}`]);
  expect(fetching.chains).toEqual([{ eventId: reportId, on: "success", mapping: null }]);
  expect((await cronium(["events", "show", fetching.id])).stdout).toContain(`success: ${reportId}`);
  const wrong = await cronium(["events", "update", fetching.id, "--chain", `done=${report}`]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("success, failure, timeout, any")]);
  const { id: runId } = await json<{ id: string }>(["run", fetching.id, "--wait"]);
  let next = "";
  await until("the run that follows", async () => {
    const [one] = (await json<{ chained: { runId: string | null }[] }>(["runs", "show", runId])).chained;
    next = one?.runId ?? "";
    return next !== "";
  });
  expect((await cronium(["runs", "show", runId])).stdout).toContain(`${reportId}\tsuccess\tstarted\t${next}\t`);
  expect((await cronium(["runs", "show", next])).stdout).toContain(`${runId} of Fetch`);
  expect(await json(["events", "update", fetching.id, "--no-chains"])).toMatchObject({ chains: [], version: 2 });
});

/** Runs an example of a page, which must end well; answers what it printed. */
async function follow(
  kind: "sh" | "js" | "python",
  code: string | undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const access = { CRONIUM_URL: plane.url, CRONIUM_TOKEN: plane.apiKey };
  const { code: exit, stdout, stderr } = await runExample(kind, code ?? "exit 99", home.folder, { ...access, ...env });
  if (exit !== 0) {
    throw new Error(`${code}\nended with ${exit}: ${stdout}${stderr}`);
  }
  return stdout;
}

const made = async (path: string, body: unknown): Promise<string> =>
  (await plane.call<{ id: string }>("POST", path, body)).id;

test("the examples of docs/webhooks.md make endpoints and send to them", async ({ expect }) => {
  const event = await made("/events", { name: "Import orders", runtime: "bash", script: "true" });
  const [create, curl] = examplesOf("webhooks", "sh", event);
  const [body] = examplesOf("webhooks", "json", event);
  const [javascript] = examplesOf("webhooks", "js", event);
  const [python] = examplesOf("webhooks", "python", event);

  const printed = new Map((await follow("sh", create)).split("\n").map((line) => line.split("\t") as [string, string]));
  const env = { HOOK_URL: printed.get("url") ?? "", HOOK_SECRET: printed.get("secret") ?? "" };
  expect(env.HOOK_SECRET).toMatch(/^whsec_/);
  await follow("js", javascript, env);
  await follow("python", python, env);
  const verdicts = async (id: string | undefined): Promise<readonly string[]> => {
    const { items } = await plane.call<{ items: { verdict: string }[] }>("GET", `/deliveries?endpointId=${id}`);
    return items.map(({ verdict }) => verdict);
  };
  expect(await verdicts(printed.get("endpoint"))).toEqual(["accepted", "accepted"]);

  type Made = {
    readonly endpoint: { readonly id: string; readonly path: string; readonly targets: readonly object[] };
  };
  const asShown = await plane.call<Made>("POST", "/endpoints", JSON.parse(body ?? ""));
  expect(asShown.endpoint.targets).toMatchObject([{ eventId: event, filter: "body.kind == 'paid'" }]);
  const { endpoint, secret } = await plane.call<Made & { readonly secret: string }>("POST", "/endpoints", {
    name: "Bearer",
    targets: [{ eventId: event }],
    verification: { kind: "bearer" },
  });
  const answer = await follow("sh", curl, { HOOK_URL: plane.url + endpoint.path, HOOK_SECRET: secret });
  expect(JSON.parse(answer)).toMatchObject({ verdict: "accepted", runs: [{ eventId: event }] });
});

test("the examples of docs/schedules.md make schedules that fire as the page says", async ({ expect }) => {
  const event = await made("/events", { name: "backup", runtime: "bash", script: "true" });
  const [curl, create] = examplesOf("schedules", "sh", event);
  const timing = { kind: "cron", pattern: "30 2 * * 1-5" };
  expect(JSON.parse(await follow("sh", curl))).toMatchObject({ eventId: event, timing, timezone: "Europe/Berlin" });
  await follow("sh", create);
  const { items } = await plane.call<{ items: object[] }>("GET", `/schedules?eventId=${event}`);
  expect(items).toMatchObject([
    { timing, timezone: "Europe/Berlin" },
    { timing, timezone: "Europe/Berlin" },
  ]);
});

test("the examples of docs/inputs.md are taken, filled in and refused as the page says", async ({ expect }) => {
  const [schema, good, filled, bad, errors] = examplesOf("inputs", "json", "").map(
    (text) => JSON.parse(text) as unknown,
  );
  // A name that the page of webhooks uses as well: another event of that name would make it ambiguous.
  const name = `Import orders ${performance.now()}`;
  const event = await made("/events", { name, runtime: "bash", script: "true", inputSchema: schema });
  const inputs = async (): Promise<readonly unknown[]> => {
    const { items } = await plane.call<{ items: { id: string }[] }>("GET", `/runs?eventId=${event}`);
    const runs = await Promise.all(items.map(({ id }) => plane.call<{ input: unknown }>("GET", `/runs/${id}`)));
    return runs.map(({ input }) => input).toReversed();
  };
  await plane.call("POST", `/events/${event}/runs`, { input: good });
  const refused = await fetch(`${plane.url}/api/v1/events/${event}/runs`, {
    method: "POST",
    body: JSON.stringify({ input: bad }),
    headers: { authorization: `Bearer ${plane.apiKey}`, "content-type": "application/json" },
  });
  expect([refused.status, await refused.json()]).toEqual([
    422,
    expect.objectContaining({ code: "invalid_input", errors }),
  ]);
  writeFileSync(join(home.folder, "schema.json"), JSON.stringify(schema));
  const [commands] = examplesOf("inputs", "sh", event);
  await follow("sh", commands?.replaceAll("Import orders", name));
  await until("the runs of the page", async () => (await inputs()).length === 3);
  expect(await inputs()).toEqual([filled, { rows: 20, region: "eu", options: { dry: true } }, filled]);
  expect(await plane.call("GET", `/events/${event}`)).toMatchObject({ inputSchema: null });
});

test("the examples of docs/chains.md set chains, show them at a run and take them away", async ({ expect }) => {
  const stamp = performance.now();
  const names = ["Import orders", "Daily report", "Tell somebody"].map((name) => `${name} ${stamp}`);
  const make = (name: string) => made("/events", { name, runtime: "bash", script: "true", labels: { site: "test" } });
  const [orders = "", report = "", tell = ""] = await Promise.all(names.map(make));
  const own = (text: string | undefined): string =>
    (text ?? "")
      .replaceAll(/"(Import orders)"/g, `"$1 ${stamp}"`)
      .replaceAll(/=(Daily report|Tell somebody)"/g, `=$1 ${stamp}"`)
      .replaceAll("evt_01jd3n5zq8v6w7x9y0abcdefgb", report)
      .replaceAll("evt_01jd3n5zq8v6w7x9y0abcdefgc", tell);
  const [chain, fromFile, none, show, list] = own(examplesOf("chains", "sh", "")[0]).split("\n");
  const chains = async (): Promise<unknown> =>
    (await plane.call<{ chains: unknown }>("GET", `/events/${orders}`)).chains;

  await follow("sh", chain);
  expect(await chains()).toEqual([
    { eventId: report, on: "success", mapping: null },
    { eventId: tell, on: "failure", mapping: null },
  ]);
  const { id: runId } = await json<{ id: string }>(["run", orders, "--wait"]);
  const shown = show?.replace(/run_\w+/, runId);
  await until("the run that follows", async () =>
    (await follow("sh", shown)).includes(`${report}\tsuccess\tstarted\t`),
  );
  await until("the list of those that follow", async () =>
    (await follow("sh", list?.replace(/run_\w+/, runId))).includes(`Daily report ${stamp}`),
  );

  const [example] = examplesOf("chains", "json", "").map(own);
  writeFileSync(join(home.folder, "chains.json"), example ?? "");
  await follow("sh", fromFile);
  const wanted = (JSON.parse(example ?? "{}") as { chains: object[] }).chains;
  expect(await chains()).toEqual(wanted.map((one) => ({ mapping: null, ...one })));
  await follow("sh", none);
  expect(await chains()).toEqual([]);
});

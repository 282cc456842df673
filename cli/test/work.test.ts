/** Events, runs, logs, queues and machines through the program, with the exit codes that scripts act on. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { type Plane, startPlane, until } from "./plane.ts";
import { type Ended, makeHome, type Home, type Options } from "./program.ts";

let plane: Plane;
let home: Home;
/** Of the event that the first test makes, a new one each time it is tried. */
let hello = "";

beforeAll(async () => {
  plane = await startPlane();
  home = makeHome({ CRONIUM_URL: plane.url, CRONIUM_TOKEN: plane.apiKey });
});

afterAll(async () => {
  home?.remove();
  await plane?.stop();
});

const cronium = (...args: string[]): Promise<Ended> => home.run(args);

async function json<T>(...args: string[]): Promise<T> {
  const ended = await home.run([...args, "--json"]);
  if (ended.stdout === "") {
    throw new Error(`${args.join(" ")} ended with ${ended.code}: ${ended.stderr}`);
  }
  return JSON.parse(ended.stdout) as T;
}

/** A run of a script of the fake executor, which is steered by its environment. */
function script(
  fake: Readonly<Record<string, string>>,
  args: readonly string[],
  options: Options = {},
): Promise<Ended> {
  const env = Object.entries(fake).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  return home.run(["run", "--script", "-", "--runtime", "bash", ...env, ...args], { stdin: "true", ...options });
}

test("an event is made, shown, changed and run by its name", async ({ expect }) => {
  hello = `Say hello ${performance.now()}`;
  const file = join(home.folder, "hello.sh");
  writeFileSync(file, "echo hello\n");
  const made = await json<{ id: string; version: number }>(
    ...["events", "create", "--name", hello, "--runtime", "bash", "--script", file],
    ...["--label", "site=test", "--env", "FAKE_LOG_LINES=3", "--run-timeout", "5m", "--input", '{"day":"monday"}'],
  );
  expect(made).toMatchObject({
    name: hello,
    script: "echo hello\n",
    timeoutMs: 300_000,
    labels: { site: "test" },
    defaultInput: { day: "monday" },
    version: 1,
  });
  expect((await cronium("events", "show", hello, "--script")).stdout).toBe("echo hello\n");
  const changed = await json<{ version: number }>("events", "update", made.id, "--description", "Greets");
  expect(changed).toMatchObject({ version: 2, description: "Greets" });
  const stale = await cronium("events", "update", made.id, "--based-on", "1", "--description", "Too late");
  expect([stale.code, stale.stdout]).toEqual([5, ""]);
  expect(await json("events", "versions", hello)).toMatchObject({ items: [{ version: 2 }, { version: 1 }] });
  expect((await cronium("events", "list")).stdout).toMatch(
    new RegExp(`^${made.id}\t${hello.replace(".", "\\.")}\tbash\t2\t`),
  );

  const run = await json<{ input: unknown; state: string }>("run", hello, "--wait", "--input", '"tuesday"');
  expect(run).toMatchObject({ state: "succeeded", input: "tuesday", eventName: hello, trigger: "api" });
  expect((await cronium("run", "Say hallo")).code).toBe(4);
});

test("an input is typed field by field, and held against the event's schema", async ({ expect }) => {
  const name = `With a schema ${performance.now()}`;
  const file = join(home.folder, "schema.sh");
  writeFileSync(file, "echo hello\n");
  const schema = {
    type: "object",
    properties: { rows: { type: "integer", minimum: 1 }, options: { properties: { dry: { default: false } } } },
    required: ["rows"],
  };
  const made = await json<{ id: string }>(
    ...["events", "create", "--name", name, "--runtime", "bash", "--script", file],
    ...["--label", "site=test", "--input-schema", JSON.stringify(schema)],
  );
  expect((await cronium("events", "show", made.id)).stdout).toMatch(/input schema\trows\*, options/);
  const run = await json<{ input: unknown }>("run", name, "--wait", "--set", "rows=3", "--set", "options.note=a b");
  expect(run.input).toEqual({ rows: 3, options: { note: "a b", dry: false } });
  const refused = await cronium("run", name, "--set", "rows=none");
  expect([refused.code, refused.stdout]).toEqual([2, ""]);
  expect(refused.stderr).toMatch(/\/input\/rows must be integer, not string/);
});

test("flags say what an event's container is like, and an update leaves the rest of it as it was", async ({
  expect,
}) => {
  const name = `Contained ${performance.now()}`;
  const file = join(home.folder, "contained.sh");
  writeFileSync(file, "true\n");
  const create = ["events", "create", "--name", name, "--runtime", "bash", "--script", file];
  const made = await json<{ id: string }>(
    ...create,
    ...["--image", "team/app:1.2", "--pull", "never", "--cpus", "0.5", "--memory", "1g", "--pids", "64", "--tmp", "8m"],
    ...["--allow-host", "a.example.com", "--allow-host", "b.example.com:8443", "--mount", "backups:/data"],
    ...["--reuse", "--keep-failed", "10m", "--log-cap", "5", "--package", "zod@^4", "--package", "ms"],
  );
  const container = {
    image: "team/app:1.2",
    pull: "never",
    cpus: 0.5,
    pids: 64,
    tmpMb: 8,
    network: { mode: "allowlist", hosts: ["a.example.com", "b.example.com:8443"] },
    reuse: true,
    packages: ["zod@^4", "ms"],
    keepFailedMs: 600_000,
    logCapMb: 5,
  };
  expect(made).toMatchObject({ memoryMb: 1_024, mounts: [{ name: "backups", target: "/data" }], container });
  expect(made).not.toHaveProperty("notices");
  const changed = await json("events", "update", name, "--no-reuse", "--network", "none", "--keep-failed", "0s");
  expect(changed).toMatchObject({
    version: 2,
    container: { ...container, reuse: false, network: { mode: "none" }, keepFailedMs: 0 },
  });

  const moving = await cronium("events", "update", name, "--image", "team/app");
  expect([moving.code, moving.stderr]).toEqual([0, expect.stringMatching(/^notice: .*team\/app tomorrow/)]);
  expect(await json("events", "update", made.id, "--image", "team/app:latest")).toMatchObject({
    notices: [{ code: "mutable_image", pointer: "/container/image" }],
  });
  for (const [flags, said] of [
    [["--cpus", "many"], /--cpus is "many"/],
    [["--memory", "1g", "--memory-mb", "64"], /Both --memory and --memory-mb/],
    [["--disk", "1t"], /--disk is "1t"/],
    [["--mount", "backups"], /--mount is "backups"/],
    [["--network", "bridge", "--allow-host", "a.example.com"], /--allow-host is given with --network bridge/],
    [["--network", "allowlist"], /names no host/],
    [["--image", "-v /:/x"], /container.image must be an image/],
  ] as const) {
    const refused = await cronium("events", "update", made.id, ...flags);
    expect([refused.code, refused.stdout], flags.join(" ")).toEqual([2, ""]);
    expect(refused.stderr).toMatch(said);
  }
});

test("the exit code of --wait says how a run ended, and its output is the data", async ({ expect }) => {
  const good = await script({ FAKE_OUTPUT: '{"rows":3}' }, ["--wait"]);
  expect([good.code, good.stdout]).toEqual([0, '{"rows":3}\n']);
  expect(good.stderr).toMatch(/^Started run_\w+\nrun_\w+ succeeded after /);
  const failed = await script({ FAKE_EXIT: "3" }, ["--wait"]);
  expect([failed.code, failed.stdout]).toEqual([10, ""]);
  const late = await script({ FAKE_SLEEP_MS: "20000" }, ["--wait", "--run-timeout", "1s"]);
  expect(late.code).toBe(10);
  expect(late.stderr).toContain("timed_out");

  const slow = await script({ FAKE_SLEEP_MS: "20000" }, ["--wait", "--timeout", "1s"]);
  expect(slow.code).toBe(8);
  const runId = /cronium runs wait (run_\w+)/.exec(slow.stderr)?.[1] ?? "none";
  const waiting = home.start(["runs", "wait", runId]);
  const cancelled = await cronium("runs", "cancel", runId);
  expect([cancelled.code, cancelled.stdout]).toEqual([0, expect.stringMatching(/^run_\w+\tcancell/)]);
  expect((await waiting.ended).code).toBe(11);
  expect((await cronium("runs", "update", runId, "--priority", "1")).code).toBe(5);

  const { id } = await plane.call<{ id: string }>("POST", "/events", {
    name: "Expires",
    runtime: "bash",
    script: "true",
    queueTtlMs: 1_000,
    labels: { gpu: "yes" },
  });
  const expired = await cronium("run", id, "--wait");
  expect(expired.code).toBe(12);
  expect(expired.stderr).toContain("waits: ");
});

test("Ctrl-C ends the waiting with 130 and leaves the run alone", async ({ expect }) => {
  const running = home.start(["run", "--script", "-", "--runtime", "bash", "--env", "FAKE_SLEEP_MS=15000", "--wait"], {
    stdin: "true",
  });
  await until("the run to start", () => running.stderr().includes("Started"));
  const runId = /run_\w+/.exec(running.stderr())?.[0] ?? "none";
  running.child.kill("SIGINT");
  const ended = await running.ended;
  expect([ended.code, ended.stderr]).toEqual([130, expect.stringContaining(`cronium runs cancel ${runId}`)]);
  expect(["queued", "starting", "running"]).toContain((await json<{ state: string }>("runs", "show", runId)).state);
  await cronium("runs", "cancel", runId);
});

test("a log is followed while it is printed, and is the same as when it is read later", async ({ expect }) => {
  const followed = await script({ FAKE_LOG_LINES: "40", FAKE_SLEEP_MS: "800" }, ["--follow"]);
  expect(followed.code).toBe(0);
  expect(followed.stdout.split("\n")).toHaveLength(41);
  const runId = /run_\w+/.exec(followed.stderr)?.[0] ?? "none";
  expect((await cronium("logs", runId)).stdout).toBe(followed.stdout);
  expect((await cronium("logs", "-f", runId)).stdout).toBe(followed.stdout);

  const stored = await cronium("logs", runId, "--json");
  const again = await cronium("logs", runId, "--follow", "--json");
  expect(again.stdout).toBe(stored.stdout);
  const lines = stored.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
  expect(lines[39]).toMatchObject({ seq: 40, attempt: 1, stream: "stdout" });
  expect((await cronium("logs", runId, "--stream", "stderr")).stdout).toBe("");

  const file = join(home.folder, "whole.log");
  const saved = await cronium("logs", runId, "--download", file);
  expect([saved.code, saved.stdout]).toEqual([0, ""]);
  expect(saved.stderr).toBe(`${followed.stdout.length} bytes written to ${file}; the log is complete\n`);
  expect(readFileSync(file, "utf8")).toBe(followed.stdout);
  const over = await cronium("logs", runId, "--download", file);
  expect([over.code, over.stderr]).toEqual([2, expect.stringContaining("is there already")]);
  expect(readFileSync(file, "utf8")).toBe(followed.stdout);
  expect((await cronium("logs", runId, "--download", `${file}.2`, "--follow")).code).toBe(2);

  const stream = await script({ FAKE_LOG_LINES: "2" }, ["--follow", "--json"]);
  const items = stream.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string });
  expect(items.map(({ type }) => type)).toEqual(["log", "log", "run"]);
});

test("runs are listed by every filter, page by page, and repeated", async ({ expect }) => {
  await script({ FAKE_EXIT: "1" }, ["--wait", "--name", "Filtered", "--label", "site=test"]);
  await script({}, ["--wait", "--name", "Filtered"]);
  interface Page {
    readonly items: readonly { readonly id: string; readonly state: string; readonly eventName: string }[];
    readonly nextCursor: string | null;
  }
  const found = (...args: string[]): Promise<Page> => json<Page>("runs", "list", "--search", "filtered", ...args);
  await until("the list to know both", async () => (await found()).items.length === 2);
  expect((await found("--state", "failed,timed_out")).items).toMatchObject([{ state: "failed" }]);
  expect((await found("--label", "site=test", "--from", "1h")).items).toHaveLength(1);
  expect((await found("--to", "1h")).items).toHaveLength(0);
  expect((await found("--trigger", "schedule")).items).toHaveLength(0);
  const first = await found("--limit", "1");
  const second = await found("--limit", "1", "--cursor", first.nextCursor ?? "none");
  expect(second.items[0]?.id).not.toBe(first.items[0]?.id);

  const failed = (await found("--state", "failed")).items[0]?.id ?? "none";
  const retried = await json<{ retryOf: string; state: string }>("runs", "retry", failed, "--wait");
  expect(retried).toMatchObject({ retryOf: failed, state: "failed" });
  const wrong = await cronium("runs", "list", "--state", "broken");
  expect([wrong.code, wrong.stderr.split("\n")[1]]).toEqual([2, expect.stringContaining("succeeded")]);
});

test("waiting runs are reordered and cancelled in bulk, which needs a yes", async ({ expect }) => {
  const { runId } = await json<{ runId: string }>("run", hello, "--delay", "2h");
  expect((await cronium("runs", "update", runId, "--priority", "50")).stdout).toBe(`${runId}\tpriority 50\n`);
  const count = async (): Promise<string> =>
    (await cronium("runs", "cancel-many", "--state", "queued", "--dry-run")).stdout;
  expect(Number(await count())).toBeGreaterThan(0);
  const asked = await cronium("runs", "cancel-many", "--state", "queued");
  expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining("--yes")]);
  const unbound = await cronium("runs", "cancel-many", "--yes");
  expect(unbound.code).toBe(2);
  expect(await json("runs", "cancel-many", "--state", "queued", "--yes")).toMatchObject({
    state: "finished",
    failed: 0,
  });
  expect(await count()).toBe("0\n");
});

test("ended runs are repeated in bulk, and followed by the id of the work", async ({ expect }) => {
  interface Work {
    readonly id: string;
    readonly action: string;
    readonly done: number;
  }
  const bulk = (...args: string[]): Promise<Work> => json<Work>("runs", "bulk", ...args);
  const dry = async (...args: string[]): Promise<string> =>
    (await cronium("runs", "bulk", ...args, "--dry-run")).stdout.trim();
  const { runId } = await json<{ runId: string }>("run", hello, "--delay", "2h", "--priority", "7");
  await cronium("runs", "cancel", runId);
  await until("the list to know", async () => Number(await dry("retry", "--state", "cancelled", "--from", "1h")) > 0);
  const count = Number(await dry("retry", "--state", "cancelled", "--from", "1h"));
  const asked = await cronium("runs", "bulk", "retry", "--state", "cancelled");
  expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining(`Retry, as new runs, ${count} runs?`)]);
  const started = await bulk("retry", "--state", "cancelled", "--from", "1h", "--yes");
  const ended = await bulk("show", started.id, "--wait");
  expect(ended).toMatchObject({ id: started.id, action: "retry", state: "finished", done: count, failed: 0 });
  expect((await cronium("runs", "bulk", "stop", started.id)).stdout).toContain(`retried\t${count}\n`);
  expect(await bulk("cancel", "--state", "queued", "--yes", "--wait")).toMatchObject({ state: "finished" });
  await until("those that had started to end", async () => {
    const { items } = await json<{ items: unknown[] }>(
      "runs",
      "list",
      "--state",
      "queued,starting,running,waiting,cancelling",
    );
    return items.length === 0;
  });

  expect(await dry("requeue", "--dead-letter")).toBe("0");
  expect(await bulk("requeue", "--dead-letter", "--yes", "--wait")).toMatchObject({ matched: 0, state: "finished" });
  const alive = await cronium("runs", "requeue", runId);
  expect([alive.code, alive.stderr]).toEqual([5, expect.stringContaining("no dead letter")]);
  for (const wrong of [["delete"], ["show"], ["retry"], ["retry", "blk_x", "--state", "failed"]]) {
    expect((await cronium("runs", "bulk", ...wrong, "--yes")).code, wrong.join(" ")).toBe(2);
  }
  expect((await cronium("runs", "bulk", "show", "blk_01m7y2e8yskjydhxp8psmj392g")).code).toBe(4);
});

test("queues, numbers, machines and tokens", async ({ expect }) => {
  expect((await cronium("queues", "pause", "default", "--note", "deploying")).stdout).toContain("deploying");
  const waits = await json<{ runId: string }>("run", hello);
  await until("the run to say why", async () => {
    const run = await json<{ queueReason: string | null }>("runs", "show", waits.runId);
    return run.queueReason === "queue_paused";
  });
  expect(await json("queues", "list")).toMatchObject({ items: [{ name: "default", paused: { note: "deploying" } }] });
  expect((await cronium("queues", "resume", "default")).code).toBe(0);
  expect((await cronium("runs", "wait", waits.runId)).code).toBe(0);
  expect(await json("stats")).toMatchObject({ runners: { registered: 1, connected: 1 } });
  expect((await cronium("stats")).stdout).toMatch(/^queued\t0\n/);

  const runner = await json<{ id: string }>("runners", "show", "cli-test");
  expect((await cronium("runners", "list")).stdout).toMatch(new RegExp(`^${runner.id}\tcli-test\tonline\t0/`));
  const token = await json<{ installCommand: string }>("tokens", "create", "--expires-in", "5m", "--label", "a=b");
  expect(token.installCommand).toContain("crnr_");
  expect((await cronium("tokens", "create", "--expires-in", "2h")).code).toBe(2);
  expect((await cronium("tokens", "create", "--max-uses", "2")).code).toBe(2);
  const many = await json<{ id: string }>("tokens", "create", "--kind", "reusable", "--max-uses", "3");
  expect((await json<{ items: object[] }>("tokens", "list")).items[0]).toMatchObject({
    id: many.id,
    kind: "reusable",
    state: "open",
    uses: 0,
    maxUses: 3,
  });
  expect((await cronium("tokens", "revoke", many.id, "--yes")).stdout).toContain("revoked");
  expect((await cronium("tokens", "list")).stdout).toMatch(new RegExp(`${many.id}\treusable\trevoked\t0/3`));
  expect((await cronium("tokens", "revoke", many.id, "--yes")).code).toBe(4);
  expect((await cronium("runners", "remove", "cli-test")).code).toBe(2);
  expect((await cronium("runners", "remove", "cli-test", "--yes")).stdout).toBe(`${runner.id}\tremoved\n`);
  await until("the runner to be out", async () => {
    const { stdout } = await cronium("runners", "list");
    return !/\t(?:online|busy)\t/.test(stdout);
  });
});

test("api passes answers and refusals on, and open names the page", async ({ expect }) => {
  const answer = await cronium("api", "get", "/api/v1/me");
  expect(JSON.parse(answer.stdout)).toMatchObject({ role: "owner" });
  const refused = await cronium("api", "PATCH", "settings", "--data", '{"concurrency":0}');
  expect(refused.code).toBe(2);
  expect(JSON.parse(refused.stdout)).toMatchObject({ code: "out_of_range" });
  expect((await cronium("api", "POST", "/events", "--data", "{")).code).toBe(2);
  expect((await cronium("api", "FETCH", "/me")).code).toBe(2);
  expect((await cronium("open", "runs")).stdout).toBe(`${plane.url}/runs\n`);
  expect((await cronium("open", "evt_x")).code).toBe(2);
  expect(await json("workspaces", "update", "--retention-days", "60")).toMatchObject({ retentionDays: 60 });
});

test("each kind of failure has its exit code, and two lines on stderr: the cause, and what next", async ({
  expect,
}) => {
  const cases: readonly (readonly [number, readonly string[], Record<string, string>])[] = [
    [2, ["runs", "list", "--limit", "0"], {}],
    [2, ["run", hello, "--input", "{"], {}],
    [2, ["run", hello, "--delay", "soon"], {}],
    [2, ["events", "create", "--name", "No script", "--runtime", "bash"], {}],
    [2, ["runs", "show", "run_x"], {}],
    [2, ["stats"], { CRONIUM_URL: "ftp://x" }],
    [3, ["stats"], { CRONIUM_TOKEN: "", CRONIUM_URL: "" }],
    [4, ["runs", "show", "run_01m7xqece7rd9cwj5ny98npjgv"], {}],
    [4, ["logs", "-f", "run_01m7xqece7rd9cwj5ny98npjgv"], {}],
    [7, ["stats"], { CRONIUM_URL: "http://127.0.0.1:9" }],
  ];
  for (const [code, args, env] of cases) {
    const ended = await home.run(args, { env });
    expect([ended.code, ended.stdout], args.join(" ")).toEqual([code, ""]);
    expect(ended.stderr, args.join(" ")).toMatch(/^[^\n]+\n[^\n]+\n$/);
  }
  for (const args of [["nonsense"], ["runs", "nonsense"], ["runs", "list", "--nonsense"], ["runs", "show"], ["runs"]]) {
    expect((await home.run(args)).code, args.join(" ")).toBe(2);
  }
  expect((await cronium("runs", "list", "--help")).code).toBe(0);
});

test("a reader that has seen enough is no failure", async ({ expect }) => {
  const running = home.start(["events", "show", hello, "--json"]);
  running.child.stdout.destroy();
  expect((await running.ended).code).toBe(0);
});

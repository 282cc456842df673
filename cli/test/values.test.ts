/** Secrets, variables, settings, people, keys and the audit through the program. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { type Plane, startPlane } from "./plane.ts";
import { type Ended, makeHome, type Home } from "./program.ts";

const VALUE = "cl1-Wert-91fe";
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

test("a secret is set from stdin or a file, replaced, imported and deleted, and never printed", async ({ expect }) => {
  const said: string[] = [];
  const run = async (args: readonly string[], stdin = ""): Promise<Ended> => {
    const ended = await cronium(args, stdin);
    said.push(ended.stdout, ended.stderr);
    return ended;
  };
  const name = `TOKEN_${Date.now()}`;
  expect((await run(["secrets", "set", name], `${VALUE}\n`)).stdout).toMatch(/^sec_\w+\tcreated\n$/);
  const file = join(home.folder, "value");
  writeFileSync(file, `${VALUE}\n`);
  expect((await run(["secrets", "set", name, "--file", file, "--description", "of the shop"])).stdout).toMatch(
    /\treplaced\n$/,
  );
  const listed = await json<{ items: { name: string; version: number; description: string }[] }>(["secrets", "list"]);
  expect(listed.items.find((one) => one.name === name)).toMatchObject({ version: 2, description: "of the shop" });

  const env = join(home.folder, ".env");
  writeFileSync(env, `${name}=${VALUE}\nexport ${name}_2='${VALUE}'\n`);
  const preview = await run(["secrets", "import", env, "--dry-run"]);
  expect(preview.stdout).toBe(`${name}\treplace\t\n${name}_2\tcreate\t\n`);
  // Nobody can be asked here.
  expect((await run(["secrets", "import", env])).code).toBe(2);
  expect((await run(["secrets", "import", env, "--yes"])).code).toBe(0);
  writeFileSync(env, `lower=${VALUE}\nPATH=/bin\n`);
  expect((await run(["secrets", "import", env, "--yes"])).code).toBe(2);
  expect((await run(["secrets", "set", "PATH"], VALUE)).code).toBe(2);
  expect((await run(["secrets", "delete", "NOT_THERE", "--yes"])).code).toBe(4);
  expect((await run(["secrets", "delete", name])).code).toBe(2);
  expect((await run(["secrets", "delete", name, "--yes"])).stdout).toMatch(/\tdeleted\n$/);
  expect((await run(["secrets", "list"])).stdout).not.toContain(`\t${name}\t`);
  expect(said.join("")).not.toContain(VALUE);
});

test("a variable has a type and a history, and an event's own comes before the workspace's", async ({ expect }) => {
  const name = `LIMIT_${Date.now()}`;
  await json(["variables", "set", name, "7", "--type", "number"]);
  expect(await json(["variables", "set", name, "8", "--based-on", "1"])).toMatchObject({ value: 8, version: 2 });
  expect((await cronium(["variables", "set", name, "9", "--based-on", "1"])).code).toBe(5);
  expect((await cronium(["variables", "set", name, "eight"])).code).toBe(2);
  expect((await cronium(["variables", "get", name])).stdout).toBe("8\n");
  expect((await cronium(["variables", "history", name])).stdout.split("\n").map((line) => line.split("\t")[4])).toEqual(
    ["8", "7", undefined],
  );
  const list = ["variables", "set", name, '["a","b"]', "--type", "json"];
  const { id } = await plane.call<{ id: string }>("POST", "/events", { name, runtime: "bash", script: "true" });
  expect(await json([...list, "--event", name])).toMatchObject({ value: ["a", "b"], eventId: id, version: 1 });
  expect((await cronium(["variables", "get", name, "--event", id])).stdout).toBe('["a","b"]\n');
  expect((await cronium(["variables", "get", name])).stdout).toBe("8\n");
  expect((await cronium(["variables", "delete", name, "--yes"])).stdout).toMatch(/\tdeleted\n$/);
  expect((await cronium(["variables", "get", name])).code).toBe(4);
});

test("every setting is read and set by its name, and a wrong value changes nothing", async ({ expect }) => {
  const before = await json<Record<string, number | null>>(["settings", "get"]);
  expect(Object.keys(before)).toEqual(
    expect.arrayContaining(["concurrency", "retentionDays", "queueLimit", "triggersPerMinute", "auditRetentionDays"]),
  );
  expect((await cronium(["settings", "set", "auditRetentionDays", "730"])).stdout).toMatch(/auditRetentionDays\s+730/);
  expect((await cronium(["settings", "set", "concurrency", "7"])).code).toBe(0);
  expect((await cronium(["settings", "get", "concurrency"])).stdout).toBe("7\n");
  expect((await cronium(["settings", "set", "concurrency", "none"])).code).toBe(0);
  for (const [name, value] of [
    ["auditRetentionDays", "1"],
    ["auditRetentionDays", "none"],
    ["auditRetentionDays", "long"],
    ["retention", "7"],
  ] as const) {
    const ended = await cronium(["settings", "set", name, value]);
    expect([ended.code, ended.stdout], `${name} ${value}`).toEqual([2, ""]);
  }
  const after = await json<Record<string, number | null>>(["settings", "get"]);
  expect(after).toEqual({ ...before, auditRetentionDays: 730, concurrency: null });
});

test("a workspace is renamed and exported, and no key deletes it", async ({ expect }) => {
  expect((await cronium(["workspaces", "rename", "Shop & Söhne"])).stdout).toMatch(/name\s+Shop & Söhne/);
  const file = join(home.folder, "copy.ndjson");
  expect((await cronium(["workspaces", "export", "--output", file])).code).toBe(0);
  expect(readFileSync(file, "utf8")).toContain("Shop & Söhne");
  const deleted = await cronium(["workspaces", "delete"]);
  expect(deleted.code).toBe(2);
  expect(deleted.stderr).toContain(`${plane.url}/settings?tab=workspace`);
  expect((await json<{ workspace: { name: string } }>(["workspaces", "show"])).workspace.name).toBe("Shop & Söhne");
});

test("B40 a change that somebody else was faster than ends with the code of a conflict, and changes nothing", async ({
  expect,
}) => {
  const name = `GUARDED_${Date.now()}`;
  writeFileSync(join(home.folder, "based.sh"), "true\n");
  await json(["secrets", "set", name], VALUE);
  await json(["events", "create", "--name", name, "--runtime", "bash", "--script", join(home.folder, "based.sh")]);
  const schedule = await json<{ id: string; version: number }>(["schedules", "create", name, "--cron", "@daily"]);
  const setting = (await cronium(["settings", "get", "version"])).stdout.trim();
  const workspace = await json<{ version: number }>(["workspaces", "rename", "Before"]);
  const cases: readonly (readonly [args: readonly string[], version: string])[] = [
    [["settings", "set", "retentionDays", "41"], setting],
    [["workspaces", "update", "--retention-days", "42"], String(Number(setting) + 1)],
    [["workspaces", "rename", "After"], String(workspace.version)],
    [["schedules", "update", schedule.id, "--cron", "@hourly"], String(schedule.version)],
    [["secrets", "set", name], "1"],
  ];
  for (const [args, version] of cases) {
    const based = (): Promise<Ended> => cronium([...args, "--based-on", version], VALUE);
    expect((await based()).code, args.join(" ")).toBe(0);
    const late = await based();
    expect([late.code, late.stdout], args.join(" ")).toEqual([5, ""]);
    expect(late.stderr).toMatch(/version \d+.*version \d+.*\n.*newest version/);
  }
  for (const set of [
    ["variables", "set", `${name}_NO`, "1"],
    ["secrets", "set", `${name}_NO`],
  ]) {
    expect((await cronium([...set, "--based-on", "1"], VALUE)).code, set.join(" ")).toBe(4);
  }
  expect((await cronium(["settings", "set", "retentionDays", "43", "--based-on", "x"])).code).toBe(2);
  expect((await cronium(["settings", "get", "retentionDays"])).stdout).toBe("42\n");
  expect((await cronium(["schedules", "delete", schedule.id, "--yes"])).code).toBe(0);
});

test("people are invited and keys made and revoked", async ({ expect }) => {
  const invited = await cronium(["members", "invite", `ben-${Date.now()}@example.org`, "--role", "editor"]);
  expect(invited.stdout).toMatch(/^http.*#token=\S+\n$/);
  expect((await cronium(["members", "invite", "nobody"])).code).toBe(2);
  expect((await cronium(["members", "remove", "nobody", "--yes"])).code).toBe(4);
  const made = await json<{ id: string; key: string; scopes: string[] }>([
    "api-keys",
    "create",
    `ci ${Date.now()}`,
    "--role",
    "operator",
    "--scope",
    "runs:read,runs:trigger",
  ]);
  expect(made.scopes).toEqual(["runs:read", "runs:trigger"]);
  expect((await cronium(["api-keys", "list"])).stdout).toContain(made.id);
  expect((await cronium(["api-keys", "list"])).stdout).not.toContain(made.key);
  expect((await cronium(["api-keys", "revoke", made.id, "--yes"])).stdout).toBe(`${made.id}\trevoked\n`);
  expect((await cronium(["members", "list"])).code).toBe(0);
});

test("the audit is listed by filters, verified, and exported into a new file alone", async ({ expect }) => {
  const name = `AUDITED_${Date.now()}`;
  await json(["secrets", "set", name], VALUE);
  const { items } = await json<{ items: { verb: string; after: { name: string } }[] }>([
    "audit",
    "list",
    "--verb",
    "secret.",
    "--from",
    "1h",
    "--limit",
    "1",
  ]);
  expect(items).toMatchObject([{ verb: "secret.created", after: { name } }]);
  const verified = await cronium(["audit", "verify"]);
  expect([verified.code, verified.stdout]).toEqual([
    0,
    expect.stringMatching(/^accounts\t\d+\tyes\ndispatcher\t\d+\tyes\n/),
  ]);
  const file = join(home.folder, `audit-${Date.now()}.ndjson`);
  expect((await cronium(["audit", "export", "--output", file])).code).toBe(0);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { verb: string }).verb)).toContain("secret.created");
  expect(lines.join("")).not.toContain(VALUE);
  expect((await cronium(["audit", "export", "--output", file])).code).toBe(1);
  expect((await cronium(["audit", "export", "--verb", "secret.deleted", "--target", "none"])).stdout).toBe("");
});

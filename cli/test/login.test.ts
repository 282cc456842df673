/** Signing in and out against a real control plane, and to whom a key is sent. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { type Plane, startPlane, until } from "./plane.ts";
import { makeHome, type Home, type Running } from "./program.ts";

let plane: Plane;
let cookie: string;
const homes: Home[] = [];

beforeAll(async () => {
  plane = await startPlane();
  cookie = await plane.claim();
});

afterAll(async () => {
  for (const home of homes) {
    home.remove();
  }
  await plane?.stop();
});

function newHome(env: Readonly<Record<string, string>> = {}): Home {
  const home = makeHome(env);
  homes.push(home);
  return home;
}

async function decide(verb: string, body: object): Promise<number> {
  const answer = await fetch(`${plane.url}/api/v1/device/${verb}`, {
    method: "POST",
    headers: { "content-type": "application/json", cookie, origin: plane.url },
    body: JSON.stringify(body),
  });
  return answer.status;
}

async function codeShown(login: Running): Promise<string> {
  const shown = (): string | undefined => /^ {2}([A-Z]{4}-[A-Z]{4})$/m.exec(login.stderr())?.[1];
  await until("the code", () => shown() !== undefined);
  return shown() ?? "";
}

async function signIn(home: Home, args: readonly string[] = []): Promise<void> {
  const login = home.start(["login", "--url", plane.url, ...args]);
  const userCode = await codeShown(login);
  await decide("approve", { userCode, role: "operator", keyExpiresInDays: 7 });
  const ended = await login.ended;
  if (ended.code !== 0) {
    throw new Error(ended.stderr);
  }
}

const status = (token: string): Promise<number> =>
  fetch(`${plane.url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } }).then((answer) => answer.status);

test("T18 login shows a code, waits for a person, keeps the key for this user alone, and logout ends it", async ({
  expect,
}) => {
  const home = newHome();
  await signIn(home);
  const file = join(home.folder, "config/cronium/config.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(file, "..")).mode & 0o777).toBe(0o700);
  const stored = JSON.parse(readFileSync(file, "utf8")) as { profiles: { default: { token: string } } };
  const { token } = stored.profiles.default;
  expect(await status(token)).toBe(200);

  const profiles = await home.run(["profiles", "list", "--json"]);
  expect(profiles.stdout).not.toContain(token);
  expect(JSON.parse(profiles.stdout)).toMatchObject({
    items: [{ name: "default", current: true, url: plane.url, role: "operator", origin: "device" }],
  });
  const shown = await home.run(["workspaces", "show", "--json"]);
  expect(JSON.parse(shown.stdout)).toMatchObject({ role: "operator", via: "api_key", url: plane.url });
  const forbidden = await home.run(["tokens", "create"]);
  expect([forbidden.code, forbidden.stdout]).toEqual([3, ""]);

  const out = await home.run(["logout"]);
  expect([out.code, out.stderr]).toEqual([0, "Signed out: default.\n"]);
  expect(await status(token)).toBe(401);
  expect(readFileSync(file, "utf8")).not.toContain(token);
  const after = await home.run(["runs", "list"]);
  expect(after.code).toBe(3);
  expect(after.stderr).toBe("Nobody is signed in.\nRun cronium login, or set CRONIUM_URL and CRONIUM_TOKEN.\n");
});

test("B43 a login that is denied ends with 3 and keeps nothing", async ({ expect }) => {
  const home = newHome();
  const login = home.start(["login", "--url", plane.url]);
  await decide("deny", { userCode: await codeShown(login) });
  const ended = await login.ended;
  expect(ended.code).toBe(3);
  expect(ended.stderr).toMatch(/The login was denied\.\nRun cronium login again\.\n$/);
  expect((await home.run(["profiles", "list", "--json"])).stdout).toContain('"items": []');
});

test("a key from stdin is checked before it is kept, and logout leaves it valid", async ({ expect }) => {
  const home = newHome();
  for (const [stdin, code] of [
    ["", 2],
    [plane.apiKey.slice(0, -1), 2],
    [plane.apiKey.replace("crnk_", "crnr_"), 2],
  ] as const) {
    const wrong = await home.run(["login", "--with-token", "--url", plane.url], { stdin });
    expect(wrong.code, stdin).toBe(code);
    expect(wrong.stderr).not.toContain(plane.apiKey.slice(5, -9));
  }
  const login = await home.run(["login", "--with-token", "--url", plane.url, "--json"], { stdin: `${plane.apiKey}\n` });
  expect(login.code).toBe(0);
  expect(JSON.parse(login.stdout)).toMatchObject({ profile: "default", role: "owner", expiresAt: null });
  expect((await home.run(["logout", "--all"])).code).toBe(0);
  expect(await status(plane.apiKey)).toBe(200);
});

test("a profile's key goes to its own address alone, whatever flag or environment say", async ({ expect }) => {
  const heard: string[] = [];
  const stranger = createServer((request, response) => {
    heard.push(`${request.method} ${request.url} ${request.headers.authorization ?? ""}`);
    response.end("{}");
  });
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
  try {
    const home = newHome();
    await home.run(["login", "--with-token", "--url", plane.url], { stdin: plane.apiKey });
    for (const ended of [
      await home.run(["runs", "list", "--url", url]),
      await home.run(["runs", "list"], { env: { CRONIUM_URL: url } }),
    ]) {
      expect(ended.code).toBe(3);
      expect(ended.stderr).toContain(`Nobody is signed in at ${url}.`);
    }
    expect(heard).toEqual([]);
    for (const path of [`${url}/x`, `//${new URL(url).host}/x`, "/..//x/y", "https:x"]) {
      expect((await home.run(["api", "GET", path])).code, path).toBe(2);
    }
    expect(heard).toEqual([]);
    expect((await home.run(["runs", "list", "--url", `${plane.url}/`])).code).toBe(0);
  } finally {
    stranger.close();
  }
});

test("flag goes before environment, environment before profile", async ({ expect }) => {
  const home = newHome();
  await home.run(["login", "--with-token", "--url", plane.url], { stdin: plane.apiKey });
  const bad = join(home.folder, "bad");
  writeFileSync(bad, "crnk_no");
  const good = join(home.folder, "good");
  writeFileSync(good, `${plane.apiKey}\n`);
  const code = async (args: readonly string[], env: Record<string, string>): Promise<number | null> =>
    (await home.run(["stats", ...args], { env })).code;
  expect(await code([], { CRONIUM_TOKEN: "crnk_no" })).toBe(2);
  expect(await code([], { CRONIUM_TOKEN: "crnk_no", CRONIUM_TOKEN_FILE: good })).toBe(0);
  expect(await code(["--token-file", good], { CRONIUM_TOKEN_FILE: bad })).toBe(0);
  expect(await code(["--profile", "nowhere"], {})).toBe(2);
  expect(await code(["--profile", "default"], { CRONIUM_PROFILE: "nowhere" })).toBe(0);
  expect(await code([], { CRONIUM_WORKSPACE: "another" })).toBe(2);
  expect(await code([], { CRONIUM_WORKSPACE: "My workspace" })).toBe(0);
});

test("the installation of this folder is found, unless its file is open to others or points elsewhere", async ({
  expect,
}) => {
  const folder = mkdtempSync(join(tmpdir(), "cronium-local-"));
  const inside = join(folder, "deep", "down");
  const file = join(folder, ".data", "local.json");
  mkdirSync(inside, { recursive: true });
  mkdirSync(join(folder, ".data"));
  cpSync(join(plane.dataFolder, "local.json"), file);
  chmodSync(file, 0o600);
  const home = newHome();
  try {
    expect((await home.run(["stats"], { cwd: inside })).code).toBe(0);
    chmodSync(file, 0o644);
    expect((await home.run(["stats"], { cwd: inside })).code).toBe(3);
    chmodSync(file, 0o600);
    const local = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(file, JSON.stringify({ ...local, url: "https://evil.example" }));
    expect((await home.run(["stats"], { cwd: inside })).code).toBe(3);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a configuration that is broken, or open to others, is told or closed", async ({ expect }) => {
  const home = newHome();
  await home.run(["login", "--with-token", "--url", plane.url], { stdin: plane.apiKey });
  const file = (await home.run(["profiles", "path"])).stdout.trim();
  chmodSync(file, 0o644);
  expect((await home.run(["stats"])).code).toBe(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  writeFileSync(file, "{");
  const broken = await home.run(["stats"]);
  expect([broken.code, broken.stderr.split("\n").length]).toEqual([2, 3]);
});

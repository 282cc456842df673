/** A real control plane on raw workerd with a runner of the fake executor, started as programs of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const ROOT = join(import.meta.dirname, "..", "..");
const DEADLINE_MS = 90_000;

export interface Plane {
  readonly url: string;
  readonly apiKey: string;
  readonly dataFolder: string;
  /** Claims the owner account; answers the session's cookie. */
  readonly claim: () => Promise<string>;
  readonly call: <T>(method: string, path: string, body?: unknown) => Promise<T>;
  readonly stop: () => Promise<void>;
}

interface Ready {
  readonly url: string;
  readonly apiKey: string;
  readonly claimUrl: string;
}

export async function startPlane(): Promise<Plane> {
  const folder = mkdtempSync(join(tmpdir(), "cronium-cli-"));
  const data = join(folder, ".data");
  const launcher = spawn(
    process.execPath,
    ["control-plane/launcher/main.ts", "start", "--json", "--until-stdin-ends", "--data", data, "--port", "0"],
    { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] },
  );
  const children: ChildProcess[] = [launcher];
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) {
      await end(child);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { url, apiKey, claimUrl } = await ready(launcher);
    const call = caller(url, apiKey);
    children.push(await startRunner(folder, url, call));
    return { url, apiKey, dataFolder: data, call, stop, claim: () => claimOwner(url, claimUrl) };
  } catch (error) {
    await stop();
    throw error;
  }
}

function ready(launcher: ChildProcess): Promise<Ready> {
  let said = "";
  launcher.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  return new Promise((resolve, reject) => {
    const { stdout } = launcher;
    if (stdout !== null) {
      createInterface({ input: stdout }).once("line", (line) => resolve(JSON.parse(line) as Ready));
    }
    launcher.once("exit", () => reject(new Error(`The control plane did not start:\n${said}`)));
  });
}

function caller(url: string, apiKey: string): Plane["call"] {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    }
    return JSON.parse(text) as T;
  };
}

async function startRunner(folder: string, url: string, call: Plane["call"]): Promise<ChildProcess> {
  const { token } = await call<{ token: string }>("POST", "/registration-tokens", {});
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, "mounts: {}\n");
  const args = ["up", "--name", "cli-test", "--data-dir", join(folder, "runner"), "--policy", policy, "--url", url];
  const child = spawn(
    process.execPath,
    ["runner/src/main.ts", ...args, "--token", token, "--executor", "fake", "--label", "site=test"],
    { cwd: ROOT, stdio: "ignore" },
  );
  await until("the runner to be online", async () => {
    const { items } = await call<{ items: { state: string }[] }>("GET", "/runners");
    return items.some(({ state }) => state === "online");
  });
  return child;
}

async function claimOwner(url: string, claimUrl: string): Promise<string> {
  const token = new URLSearchParams(new URL(claimUrl).hash.slice(1)).get("token");
  const answer = await fetch(`${url}/api/v1/claim`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token, name: "Ada", email: "ada@example.org", password: "analytical engine" }),
  });
  return answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

export async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline;) {
    if (await look()) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Gave up waiting for ${what}.`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const hard = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await gone;
  clearTimeout(hard);
}

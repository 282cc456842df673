/** A whole Cronium started the way a person starts it, in a folder and on a port of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { httpClient, type HttpClient } from "./http-client.ts";
import { waitUntil } from "./wait.ts";

export interface Plane {
  readonly url: string;
  readonly workspaceId: string;
  /** One call of the API; throws with the problem's detail unless the answer is 2xx. */
  call(method: string, path: string, body?: unknown): Promise<any>; // oxlint-disable-line typescript/no-explicit-any -- answers are read loosely here; the contract tests hold their shape
  readonly headers: { readonly authorization: string };
  /** For what is timed: the bare answer. */
  readonly http: HttpClient;
  readonly workerdPid: number;
  /** Makes the owner account; good once. */
  readonly claimToken: string;
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export async function startPlane(options: { readonly runner: boolean }): Promise<Plane> {
  const data = mkdtempSync(join(tmpdir(), "cronium-bench-"));
  const port = await freePort();
  const args = ["script/setup.mjs", "start", "--data", data, "--port", String(port), "--no-open"];
  const child = spawn(process.execPath, options.runner ? args : [...args, "--no-runner"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  // Should this program fail before it can stop it in order, it is still told to stop.
  const tellToStop = (): void => void child.kill("SIGINT");
  process.once("exit", tellToStop);
  child.once("exit", () => process.removeListener("exit", tellToStop));
  const said: string[] = [];
  child.stdout.on("data", (bytes: Buffer) => said.push(bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => said.push(bytes.toString()));
  try {
    const file = join(data, "local.json");
    await waitUntil("the control plane to start", 300_000, () => alive(child, said) && existsSync(file));
    const local = JSON.parse(readFileSync(file, "utf8")) as { url: string; workspaceId: string; apiKey: string };
    const headers = { authorization: `Bearer ${local.apiKey}` };
    const http = httpClient(local.url, headers);
    const call = caller(http);
    if (options.runner) {
      await waitUntil("the local runner to be ready", 600_000, async () => {
        alive(child, said);
        const { items } = await call("GET", "/runners");
        return items.some(
          (runner: { state: string; notReady: string[] }) => runner.state === "online" && runner.notReady.length === 0,
        );
      });
    }
    const { workerd } = JSON.parse(readFileSync(join(data, "control-plane", "lock.json"), "utf8")) as {
      workerd: { pid: number };
    };
    return {
      url: local.url,
      workspaceId: local.workspaceId,
      headers,
      http,
      workerdPid: workerd.pid,
      get claimToken() {
        return /\/claim#token=(crnc_[A-Za-z0-9_-]+)/.exec(said.join(""))?.[1] ?? "none";
      },
      call,
      stop: () => {
        http.close();
        return stop(child, data);
      },
    };
  } catch (error) {
    await stop(child, data);
    throw error;
  }
}

/** Another workspace of this installation, made by its owner; once for each installation. */
export async function addWorkspace(
  plane: Plane,
  name: string,
): Promise<Pick<Plane, "call"> & { readonly apiKey: string }> {
  await waitUntil("the claim link to be printed", 30_000, () => plane.claimToken !== "none");
  const post = async (path: string, body: object, cookie: string): Promise<Response> => {
    const headers = { "content-type": "application/json", origin: plane.url, ...(cookie === "" ? {} : { cookie }) };
    const response = await fetch(`${plane.url}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) {
      throw new Error(`POST ${path} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
    }
    return response;
  };
  const owner = { name: "Bench", email: "bench@example.org", password: "a password of the benchmark" };
  const claimed = await post("/claim", { token: plane.claimToken, ...owner }, "");
  const cookie = claimed.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  await post("/workspaces", { name }, cookie);
  const { key } = (await (await post("/api-keys", { name: "bench" }, cookie)).json()) as { key: string };
  const http = httpClient(plane.url, { authorization: `Bearer ${key}` });
  return { apiKey: key, call: caller(http) };
}

function caller(http: HttpClient): Plane["call"] {
  return async (method, path, body) => {
    const { status, text } = await http.request(method, `/api/v1${path}`, body);
    if (status >= 300) {
      throw new Error(`${method} ${path} answered ${status}: ${text.slice(0, 300)}`);
    }
    return text === "" ? null : JSON.parse(text);
  };
}

function alive(child: ChildProcess, said: readonly string[]): boolean {
  if (child.exitCode !== null) {
    throw new Error(`The start command ended with ${child.exitCode}:\n${said.join("").slice(-2_000)}`);
  }
  return true;
}

async function stop(child: ChildProcess, data: string): Promise<void> {
  if (child.exitCode === null) {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGINT");
    await gone;
  }
  rmSync(data, { recursive: true, force: true });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** A whole Cronium for one test file: control plane, runner and dashboard, started as a user starts them. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ROOT = join(import.meta.dirname, "../../..");
const START_DEADLINE_MS = 170_000;
const STOP_DEADLINE_MS = 30_000;

export interface Cronium {
  readonly url: string;
  /** Address that claims the owner account, once. */
  readonly claimUrl: string;
  readonly dataFolder: string;
  /** Of this machine. */
  readonly apiKey: string;
  /** What it has said in the terminal so far. */
  readonly said: () => string;
  /** Calls the API with the key of this machine; throws on any answer but 2xx. */
  readonly api: <T>(method: string, path: string, body?: unknown) => Promise<T>;
  readonly stop: () => Promise<void>;
}

export async function startCronium(options: readonly string[] = []): Promise<Cronium> {
  const dataFolder = mkdtempSync(join(tmpdir(), "cronium-e2e-"));
  const args = [join(ROOT, "script/start.ts"), "--data", dataFolder, "--port", "0", "--no-open", ...options];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_ENV: "production" },
  });
  const said: string[] = [];
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(dataFolder, { recursive: true, force: true });
  };
  try {
    const claimUrl = await claimLink(child, said);
    const local = JSON.parse(readFileSync(join(dataFolder, "local.json"), "utf8")) as {
      readonly url: string;
      readonly apiKey: string;
    };
    return {
      url: local.url,
      claimUrl,
      dataFolder,
      apiKey: local.apiKey,
      api: caller(local.url, local.apiKey),
      stop,
      said: () => said.join("\n"),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function claimLink(child: ChildProcess, said: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const give = (why: string): void => reject(new Error(`${why} It said:\n${said.join("\n")}`));
    const timer = setTimeout(() => give(`Cronium was not ready within ${START_DEADLINE_MS} ms.`), START_DEADLINE_MS);
    const read = (line: string): void => {
      said.push(line);
      const link = /^\s*(http\S+\/claim#token=crnc_\S+)\s*$/.exec(line);
      if (link?.[1] !== undefined) {
        clearTimeout(timer);
        resolve(link[1]);
      }
    };
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) {
        createInterface({ input: stream }).on("line", read);
      }
    }
    child.on("exit", (code) => {
      clearTimeout(timer);
      give(`Cronium ended with code ${code} before it was ready.`);
    });
  });
}

function caller(url: string, apiKey: string): Cronium["api"] {
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
    return (text === "" ? null : JSON.parse(text)) as T;
  };
}

/** Ends a program by its own signal, and for good when that takes too long. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  await gone;
  clearTimeout(timer);
}

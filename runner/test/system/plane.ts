/** A real control plane on raw workerd, started through the launcher as users start it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childrenOf, freePort, isAlive, startProgram } from "./processes.ts";
import { eventually } from "./wait.ts";

export interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are compared with what a scenario expects
  readonly body: any;
}

export interface Plane {
  readonly url: string;
  readonly dataDir: string;
  readonly workspaceId: string;
  readonly authorization: string;
  /** One call below `/api/v1`; never throws for a status. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** The whole log of a run, as bytes. */
  logOf(runId: string): Promise<Buffer>;
  registrationToken(): Promise<string>;
  /** Process id of workerd. */
  workerd(): number;
  /** `kill -9` of workerd; resolves when the launcher has brought it back. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

/** Short leases, so that the loss of a runner shows within seconds. */
export const QUICK = { SHORT_LEASES: "yes", LEASE_MS: "4000", RENEW_MS: "500", OFFER_TIMEOUT_MS: "2000" };

export async function startPlane(vars: Readonly<Record<string, string>> = QUICK): Promise<Plane> {
  const data = mkdtempSync(join(tmpdir(), "cronium-plane-"));
  const port = await freePort();
  const settings = Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}=${value}`]);
  const program = startProgram([
    "control-plane/launcher/main.ts",
    "start",
    "--data",
    data,
    "--port",
    String(port),
    ...settings,
  ]);
  const url = `http://127.0.0.1:${port}`;
  const healthy = (): Promise<boolean> =>
    fetch(`${url}/ready`).then(
      (response) => response.ok,
      () => false,
    );
  const stop = async (): Promise<void> => {
    program.signal("SIGTERM");
    await program.exited;
    rmSync(data, { recursive: true, force: true });
  };
  try {
    await eventually("the control plane to be ready", 120_000, async () => {
      if (!program.running()) {
        throw new Error(`The launcher ended:\n${program.output()}`);
      }
      return existsSync(join(data, "local.json")) && (await healthy());
    });
  } catch (error) {
    await stop();
    throw new Error(`The control plane did not start:\n${program.output()}`, { cause: error });
  }
  const local = JSON.parse(readFileSync(join(data, "local.json"), "utf8")) as { workspaceId: string; apiKey: string };
  const authorization = `Bearer ${local.apiKey}`;
  const call: Plane["call"] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };
  return {
    url,
    dataDir: data,
    workspaceId: local.workspaceId,
    authorization,
    call,
    stop,
    logOf: async (runId) => {
      const response = await fetch(`${url}/api/v1/runs/${runId}/logs`, { headers: { authorization } });
      return Buffer.from(await response.arrayBuffer());
    },
    registrationToken: async () => {
      const answer = await call("POST", "/registration-tokens", {});
      if (answer.status !== 201) {
        throw new Error(`No registration token: ${JSON.stringify(answer)}`);
      }
      return answer.body.token as string;
    },
    workerd: () => childrenOf(program.pid, "workerd")[0] ?? 0,
    crash: async () => {
      const before = childrenOf(program.pid, "workerd");
      for (const pid of before) {
        process.kill(pid, "SIGKILL");
      }
      await eventually("the launcher to restart workerd", 120_000, async () => {
        const gone = before.every((pid) => !isAlive(pid) || !childrenOf(program.pid, "workerd").includes(pid));
        return before.length > 0 && gone && (await healthy());
      });
    },
  };
}

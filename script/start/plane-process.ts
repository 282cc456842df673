/**
 * Runs `cronium-server` as a program of its own and waits until it can be used. It stops when this process stops or
 * dies, because it watches its standard input.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../repository.ts";

export interface PlaneOptions {
  readonly data: string;
  /** Default 8787; 0 takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Settings on top of those in wrangler.toml, such as `{SHORT_LEASES: "yes", LEASE_MS: "2000"}`. */
  readonly vars?: Readonly<Record<string, string>>;
  /** Receives what the program says to people; default this process's stderr. */
  readonly onLine?: (line: string) => void;
}

export interface PlaneProcess {
  readonly url: string;
  readonly workspaceId: string;
  readonly apiKey: string;
  /** Null once the owner account exists. */
  readonly claimUrl: string | null;
  /** Process id of the launcher. */
  readonly pid: number;
  /** Process id of workerd as it was at the start. */
  readonly workerdPid: number;
  /** Resolves when the program has ended, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** The launcher said why on `onLine` already. */
export class PlaneFailed extends Error {}

/** Rejects with `PlaneFailed` when the program ends before it is ready. */
export function startControlPlane(options: PlaneOptions): Promise<PlaneProcess> {
  const say = options.onLine ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const args = [
    join(ROOT, "control-plane/launcher/main.ts"),
    "start",
    "--json",
    "--until-stdin-ends",
    ...["--data", options.data],
    ...(options.port === undefined ? [] : ["--port", String(options.port)]),
    ...(options.host === undefined ? [] : ["--host", options.host]),
    ...Object.entries(options.vars ?? {}).flatMap(([name, value]) => ["--var", `${name}=${value}`]),
  ];
  // A process group of its own: Ctrl-C in the terminal reaches the caller alone, which decides what stops first.
  const child = spawn(process.execPath, args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => {
    child.on("error", () => resolve());
    child.on("exit", () => resolve());
  });
  // A child that ended closes this pipe; writing to it is never needed.
  child.stdin.on("error", () => undefined);
  createInterface({ input: child.stderr }).on("line", say);
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { event, ...ready } = JSON.parse(line) as { readonly event: string } & Omit<
        PlaneProcess,
        "pid" | "ended" | "stop"
      >;
      if (event === "ready") {
        const stop = async (): Promise<void> => {
          child.kill("SIGTERM");
          await ended;
        };
        resolve({ ...ready, pid: child.pid ?? 0, ended, stop });
      }
    });
    void ended.then(() => reject(new PlaneFailed("The control plane did not start.")));
  });
}

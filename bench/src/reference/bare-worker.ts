/** A workerd of our own from a Worker's source, for floors: no framework, no checks, one module. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../plane.ts";
import { waitUntil } from "../wait.ts";

export interface BareWorker {
  readonly url: string;
  readonly version: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The D1 service as the embedded control plane runs it, so that both sides read from the same database program. */
const D1_BUNDLE = fileURLToPath(new URL("../../../control-plane/dist/services/d1.js", import.meta.url));

const CONFIG = (port: number, className: string | null, d1: string | null): string => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "data", disk = (path = "data", writable = true)),
    ${d1 === null ? "" : '(name = "d1", worker = .d1),'}
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-10-01",
  bindings = [
    ${className === null ? "" : `(name = "OBJECT", durableObjectNamespace = "${className}"),`}
    ${d1 === null ? "" : '(name = "DB", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "d1")])),'}
  ],
  ${className === null ? "" : `durableObjectNamespaces = [(className = "${className}", uniqueKey = "bare", enableSql = true)], durableObjectStorage = (localDisk = "data")`}
);
${
  d1 === null
    ? ""
    : `const d1 :Workerd.Worker = (
  modules = [(name = "d1.js", esModule = embed "${d1}")],
  compatibilityDate = "2026-10-01",
  bindings = [(name = "DATABASE", durableObjectNamespace = "Database")],
  durableObjectNamespaces = [(className = "Database", uniqueKey = "d1", enableSql = true)],
  durableObjectStorage = (localDisk = "data")
);`
}
`;

/** `className` names the Durable Object that the source exports, bound as OBJECT; `d1` binds a database as DB. */
export async function startBareWorker(
  source: string,
  options: { readonly className?: string; readonly d1?: boolean },
): Promise<BareWorker> {
  const folder = mkdtempSync(join(tmpdir(), "cronium-bare-"));
  const port = await freePort();
  if (options.d1 === true && !existsSync(D1_BUNDLE)) {
    throw new Error(`${D1_BUNDLE} is missing. Run npm run build first.`);
  }
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "worker.js"), source);
  const d1 = options.d1 === true ? relative(folder, D1_BUNDLE) : null;
  writeFileSync(join(folder, "config.capnp"), CONFIG(port, options.className ?? null, d1));
  const server = spawn(workerdProgram(), ["serve", "config.capnp"], { cwd: folder, stdio: "ignore" });
  const gone = new Promise((resolve) => server.once("exit", resolve));
  await waitUntil("the bare Worker to start", 15_000, () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      (response) => response.ok,
      () => false,
    ),
  );
  return {
    url: `http://127.0.0.1:${port}`,
    version: (createRequire(import.meta.url)("workerd/package.json") as { version: string }).version,
    pid: server.pid ?? 0,
    stop: async () => {
      server.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Path of the workerd program that npm installed. */
export function workerdProgram(): string {
  return (createRequire(import.meta.url)("workerd") as { default: string }).default;
}

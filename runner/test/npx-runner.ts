/** The packed runner as a new machine gets it: `npx <address of the tarball>` in an empty folder, with an empty npm cache. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

const TARBALL = fileURLToPath(new URL("../dist/cronium-runner.tgz", import.meta.url));

export interface NpxStart {
  /** Milliseconds from the command to the signed hello. */
  readonly onlineMs: number;
  readonly output: string;
}

export async function startByNpx(flags: readonly string[] = []): Promise<NpxStart> {
  if (!existsSync(TARBALL)) {
    throw new Error("runner/dist/cronium-runner.tgz is missing: run npm run build.");
  }
  const folder = mkdtempSync(join(tmpdir(), "cronium-npx-"));
  const plane = await FakePlane.start();
  const shop = await serveTarball();
  const address = `http://127.0.0.1:${(shop.address() as AddressInfo).port}/install/cronium-runner.tgz`;
  const empty = join(folder, "empty");
  mkdirSync(empty);
  let output = "";
  const begin = performance.now();
  const child: ChildProcess = spawn(
    "npx",
    ["--yes", address, "--token", plane.token, "--data-dir", join(folder, "data"), "--name", "fresh", ...flags],
    {
      cwd: empty,
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: folder,
        npm_config_cache: join(folder, "cache"),
        npm_config_update_notifier: "false",
      },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own: npx passes no signal on to what it starts.
      detached: true,
    },
  );
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid ?? 0), name);
    } catch {
      // It has ended.
    }
  };
  try {
    await until("the packed runner is online", () => plane.of("hello").length > 0);
    const onlineMs = performance.now() - begin;
    signal("SIGTERM");
    // npx itself is gone at once.
    await until("the runner says bye", () => plane.of("bye").length > 0);
    return { onlineMs, output };
  } catch (error) {
    throw new Error(`npx said:\n${output}`, { cause: error });
  } finally {
    signal("SIGKILL");
    await plane.stop();
    shop.closeAllConnections();
    await new Promise((resolve) => shop.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Serves it as a control plane does. */
async function serveTarball(): Promise<Server> {
  const bytes = readFileSync(TARBALL);
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/gzip", "content-length": bytes.length });
    response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

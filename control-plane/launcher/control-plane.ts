/** Starts the control plane on this machine: data folder, lock, workerd, first set-up, watchdog. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { openDataFolder, type DataFolder } from "./data-folder.ts";
import { LauncherError } from "./launcher-error.ts";
import { takeLock } from "./lock.ts";
import { requireFreePort } from "./port.ts";
import { readJson, writePrivateJson } from "./private-file.ts";
import { rotatingLog } from "./rotating-log.ts";
import { readOrMakeSecrets, secretNames } from "./secrets.ts";
import { pokeWatchdog, setUp, takeMessages, waitForHealth } from "./setup.ts";
import { workerdConfig } from "./workerd-config.ts";
import { runWorkerd } from "./workerd-process.ts";
import { readWranglerFile } from "./wrangler-file.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DIST = join(ROOT, "control-plane", "dist");
/** workerd has no cron triggers: this stands in for the one in `wrangler.toml`. */
const WATCHDOG_EVERY_MS = 60_000;
/** Somebody may be waiting for the link. */
const MESSAGES_EVERY_MS = 5_000;

/** `local.json`, for scripts on this machine. */
export const LocalAccess = z.object({
  url: z.string(),
  workspaceId: z.string(),
  apiKey: z.string(),
});
export type LocalAccess = z.infer<typeof LocalAccess>;

export interface StartOptions {
  readonly data: string;
  /** Default 8787; 0 takes a free one. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** On top of those in `wrangler.toml`. */
  readonly vars?: Readonly<Record<string, string>>;
  /** One line for people about each thing worth knowing; default none. */
  readonly report?: (line: string) => void;
}

export interface ControlPlane extends LocalAccess {
  /** Link that makes the owner account; null once there is one. Good for one use, until the next start. */
  readonly claimUrl: string | null;
  readonly folder: DataFolder;
  /** Process id of workerd as it is now. */
  readonly workerdPid: () => number;
  /** Takes new bundles and files of the dashboard into use; open sockets break. */
  reload(): void;
  stop(): Promise<void>;
}

/** Throws `LauncherError` with a clear line when the folder or the port cannot be used, or the Worker does not start. */
export async function startControlPlane(options: StartOptions): Promise<ControlPlane> {
  const { host = "127.0.0.1", port = 8787, vars = {}, report = () => undefined } = options;
  const bundles = findBundles();
  const folder = openDataFolder(options.data);
  const lock = takeLock(folder);
  let stopWorkerd: (() => Promise<void>) | undefined;
  try {
    await requireFreePort(host, port);
    const secrets = readOrMakeSecrets(folder.secretsFile);
    const wrangler = readWranglerFile(join(ROOT, "wrangler.toml"));
    let workerdPid = 0;
    const workerd = await runWorkerd({
      port,
      env: secrets,
      log: rotatingLog(folder.logFile),
      config(actualPort) {
        const address = `${host.includes(":") ? `[${host}]` : host}:${actualPort}`;
        const places = {
          ...bundles,
          configFolder: folder.controlPlane,
          objectsFolder: folder.objects,
          d1Folder: folder.d1,
          blobsFolder: folder.blobs,
        };
        const config = workerdConfig(wrangler, {
          places,
          address,
          vars,
          secrets: secretNames.filter((name) => !(name in vars)),
        });
        writeFileSync(folder.configFile, config, { mode: 0o600 });
        return folder.configFile;
      },
      onStart(pid) {
        workerdPid = pid;
        lock.update({ workerdPid: pid });
      },
      onCrash: (what, pauseMs) =>
        report(`The control plane stopped (${what}); starting it again in ${pauseMs} ms. Its log: ${folder.logFile}`),
    });
    stopWorkerd = () => workerd.stop();
    const url = `http://${reachable(host)}:${workerd.port}`;
    await waitForHealth(url, () => workerd.tail());
    const known = readJson(folder.localFile, LocalAccess);
    const setup = await setUp(url, secrets.LAUNCHER_KEY, known?.apiKey ?? null);
    const local = { url, workspaceId: setup.workspaceId, apiKey: setup.apiKey };
    writePrivateJson(folder.localFile, local);
    lock.update({ url });
    const watchdog = setInterval(() => {
      pokeWatchdog(url, secrets.LAUNCHER_KEY).catch((error: unknown) => {
        report(`The watchdog could not reach the control plane: ${String(error)}`);
      });
    }, WATCHDOG_EVERY_MS);
    const publicUrl = ((vars["PUBLIC_URL"] ?? "") || url).replace(/\/+$/, "");
    const messages = setInterval(() => {
      // The watchdog reports what does not answer.
      printMessages(url, publicUrl, secrets.LAUNCHER_KEY, report).catch(() => undefined);
    }, MESSAGES_EVERY_MS);
    return {
      ...local,
      claimUrl: setup.claimToken === null ? null : `${publicUrl}/claim#token=${setup.claimToken}`,
      folder,
      workerdPid: () => workerdPid,
      reload: () => workerd.restart(),
      async stop() {
        clearInterval(watchdog);
        clearInterval(messages);
        await workerd.stop();
        lock.release();
      },
    };
  } catch (error) {
    await stopWorkerd?.();
    lock.release();
    throw error;
  }
}

/** What no mail took to people, for whoever reads this terminal to hand over. */
async function printMessages(
  url: string,
  publicUrl: string,
  launcherKey: string,
  report: (line: string) => void,
): Promise<void> {
  for (const { subject, email, path } of await takeMessages(url, launcherKey)) {
    report(`For ${email}: ${subject}. Pass this link on, to them alone: ${publicUrl}${path}`);
  }
}

/** An address to connect to, for one to listen on. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") {
    return "127.0.0.1";
  }
  return host.includes(":") ? `[${host}]` : host;
}

function findBundles() {
  const bundles = {
    workerBundle: join(DIST, "worker.js"),
    d1Bundle: join(DIST, "services", "d1.js"),
    siteBundle: join(DIST, "services", "site.js"),
    siteFolder: join(DIST, "site"),
  };
  const missing = Object.values(bundles).filter((path) => !existsSync(path));
  if (missing.length > 0) {
    throw new LauncherError(`Not built yet: ${missing.join(", ")}. Run npm run build first.`);
  }
  return bundles;
}

/**
 * Everything an installation keeps, in one folder:
 *
 *     control-plane/objects, d1   SQLite files of the Durable Objects and of D1
 *     control-plane/workerd.log   output of the runtime, rotated
 *     control-plane/lock.json     who runs this folder right now
 *     blobs/                      archived logs
 *     secrets.json                keys made at the first start (0600)
 *     local.json                  address and API key for scripts on this machine (0600)
 */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { LauncherError } from "./launcher-error.ts";

export interface DataFolder {
  readonly root: string;
  readonly controlPlane: string;
  readonly objects: string;
  readonly d1: string;
  readonly blobs: string;
  readonly secretsFile: string;
  readonly localFile: string;
  readonly lockFile: string;
  readonly configFile: string;
  readonly logFile: string;
}

/** The paths alone; nothing is touched. */
export function dataFolderAt(path: string): DataFolder {
  const root = resolve(path);
  const controlPlane = join(root, "control-plane");
  return {
    root,
    controlPlane,
    objects: join(controlPlane, "objects"),
    d1: join(controlPlane, "d1"),
    blobs: join(root, "blobs"),
    secretsFile: join(root, "secrets.json"),
    localFile: join(root, "local.json"),
    lockFile: join(controlPlane, "lock.json"),
    configFile: join(controlPlane, "workerd.capnp"),
    logFile: join(controlPlane, "workerd.log"),
  };
}

/** Makes the folder where it is missing. Throws one clear line when it cannot be used. */
export function openDataFolder(path: string): DataFolder {
  const folder = dataFolderAt(path);
  try {
    makeFolder(folder.root, 0o755);
    accessSync(folder.root, constants.R_OK | constants.W_OK | constants.X_OK);
    for (const part of [folder.controlPlane, folder.objects, folder.d1, folder.blobs]) {
      makeFolder(part, 0o700);
      accessSync(part, constants.R_OK | constants.W_OK | constants.X_OK);
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    throw new LauncherError(
      `The data folder ${folder.root} cannot be written (${code}). Give this user the right to write there, or name another folder with --data.`,
      { cause },
    );
  }
  return folder;
}

/** Step by step: Node's recursive mkdir never returns for a path below /proc. */
function makeFolder(path: string, mode: number): void {
  if (existsSync(path)) {
    return;
  }
  makeFolder(dirname(path), mode);
  mkdirSync(path, { mode });
}

/** `config.json`: the installations that somebody has signed in to from this machine, and which of them is used. */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import * as z from "zod";
import { ExitError } from "../base/exit-error.ts";

const Profile = z.object({
  url: z.string(),
  token: z.string(),
  workspace: z.object({ id: z.string(), name: z.string() }),
  role: z.string(),
  /** `device`: made by `cronium login`, and ended by `cronium logout`. `given`: pasted, and only forgotten. */
  origin: z.enum(["device", "given"]),
  /** When the key ends; null when that is not known. */
  expiresAt: z.string().nullable(),
});
export type Profile = z.infer<typeof Profile>;

const ConfigFile = z.object({
  version: z.literal(1),
  /** Name of the profile that is used when nothing else says. */
  current: z.string().nullable(),
  profiles: z.record(z.string(), Profile),
});
export type ConfigFile = z.infer<typeof ConfigFile>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$XDG_CONFIG_HOME/cronium/config.json`, by default below `~/.config`; on Windows below `%APPDATA%`. */
export function configPath(env: Environment): string {
  const home = present(env["XDG_CONFIG_HOME"]) ?? (process.platform === "win32" ? present(env["APPDATA"]) : null);
  return join(home ?? join(homedir(), ".config"), "cronium", "config.json");
}

/** Empty when there is no file. Throws `usage` for one that cannot be read or is not ours. */
export function readProfiles(env: Environment): ConfigFile {
  const path = configPath(env);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") {
      return { version: 1, current: null, profiles: {} };
    }
    throw new ExitError(
      "usage",
      `${path} cannot be read (${String((cause as NodeJS.ErrnoException).code)}).`,
      "Give your user the right to read it.",
      { cause },
    );
  }
  const parsed = ConfigFile.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new ExitError(
      "usage",
      `${path} is not a configuration of this version of cronium.`,
      "Move it away and run cronium login again.",
    );
  }
  closeToOthers(path);
  return parsed.data;
}

/** In one step and for this user alone: a reader sees the old file or the new one, and others see nothing. */
export function writeProfiles(env: Environment, config: ConfigFile): void {
  const path = configPath(env);
  const next = `${path}.${process.pid}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(next, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(next, path);
  } catch (cause) {
    rmSync(next, { force: true });
    throw new ExitError(
      "usage",
      `${path} cannot be written (${String((cause as NodeJS.ErrnoException).code)}).`,
      "Give your user the right to write there, or set XDG_CONFIG_HOME.",
      { cause },
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** It holds keys: what an editor or a copy opened up is closed again. */
function closeToOthers(path: string): void {
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
    chmodSync(path, 0o600);
  }
}

export function present(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text;
}

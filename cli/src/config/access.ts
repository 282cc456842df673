/**
 * Which control plane, and with which key. Order: flag, environment, profile, installation of this folder.
 *
 * A key goes to the address that it was given out for and to no other: a profile's key is never sent to an address from
 * a flag or the environment unless both are the same.
 */
import { readFileSync } from "node:fs";
import { isWholeToken } from "@cronium/protocol/token";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { findLocalInstallation } from "./local-installation.ts";
import { type ConfigFile, type Environment, present, type Profile, readProfiles } from "./profiles.ts";

export interface Access {
  readonly url: string;
  readonly token: string;
  /** Name of the profile it comes from; null for a key from elsewhere. */
  readonly profile: string | null;
  /** Only this workspace may be acted on; an id or a name. */
  readonly workspace: string | null;
}

/** Throws `auth` when nobody is signed in, `usage` for a setting that is wrong. */
export function findAccess(input: Input, env: Environment, folder: string): Access {
  const url = wantedUrl(input, env);
  const workspace = input.text("workspace") ?? present(env["CRONIUM_WORKSPACE"]);
  const token = wantedToken(input, env);
  const config = readProfiles(env);
  const named = input.text("profile") ?? present(env["CRONIUM_PROFILE"]);
  if (token !== null) {
    const from = url ?? chosenProfile(config, named, workspace)?.[1].url ?? findLocalInstallation(folder)?.url;
    if (from === undefined) {
      throw new ExitError("usage", "There is a key, but no address to send it to.", "Set CRONIUM_URL, or give --url.");
    }
    return { url: from, token, profile: null, workspace };
  }
  const found = url === null ? chosenProfile(config, named, workspace) : profileAt(config, named, url);
  if (found !== null) {
    const [name, profile] = found;
    return { url: profile.url, token: profile.token, profile: name, workspace };
  }
  const local = url === null || isLocal(folder, url) ? findLocalInstallation(folder) : null;
  if (local !== null) {
    return { url: local.url, token: local.apiKey, profile: null, workspace };
  }
  const where = url === null ? "" : ` --url ${url}`;
  throw new ExitError(
    "auth",
    `Nobody is signed in${url === null ? "" : ` at ${url}`}.`,
    `Run cronium login${where}, or set CRONIUM_URL and CRONIUM_TOKEN.`,
  );
}

/** From --url or CRONIUM_URL; null when neither says. Without a slash at the end. */
export function wantedUrl(input: Input, env: Environment): string | null {
  const text = input.text("url") ?? present(env["CRONIUM_URL"]);
  return text === null ? null : checkUrl(text);
}

export function checkUrl(text: string): string {
  const url = URL.parse(text);
  if (
    url === null ||
    !["http:", "https:"].includes(url.protocol) ||
    url.username !== "" ||
    url.search + url.hash !== ""
  ) {
    throw new ExitError(
      "usage",
      `${JSON.stringify(text.slice(0, 80))} is not the address of a control plane.`,
      "Give it as https://host or http://host:port.",
    );
  }
  return url.href.replace(/\/+$/, "");
}

/** The profile that --profile or CRONIUM_PROFILE names, else one of the workspace, else the current one. */
export function chosenProfile(
  config: ConfigFile,
  named: string | null,
  workspace: string | null,
): [string, Profile] | null {
  if (named !== null) {
    const profile = config.profiles[named];
    if (profile === undefined) {
      const names = Object.keys(config.profiles);
      throw new ExitError(
        "usage",
        `There is no profile ${JSON.stringify(named)}.`,
        names.length === 0 ? "Run cronium login." : `Known: ${names.join(", ")}.`,
      );
    }
    return [named, profile];
  }
  const entries = Object.entries(config.profiles);
  const ofWorkspace = entries.filter(([, profile]) => workspace !== null && isWorkspace(profile.workspace, workspace));
  const current = entries.find(([name]) => name === config.current) ?? null;
  return ofWorkspace.find(([name]) => name === config.current) ?? ofWorkspace[0] ?? current;
}

export function isWorkspace(workspace: { readonly id: string; readonly name: string }, wanted: string): boolean {
  return workspace.id === wanted || workspace.name === wanted;
}

function profileAt(config: ConfigFile, named: string | null, url: string): [string, Profile] | null {
  const candidates = Object.entries(config.profiles).filter(([, profile]) => profile.url === url);
  return candidates.find(([name]) => name === (named ?? config.current)) ?? candidates[0] ?? null;
}

function isLocal(folder: string, url: string): boolean {
  return findLocalInstallation(folder)?.url === url;
}

function wantedToken(input: Input, env: Environment): string | null {
  const file = input.text("token-file") ?? present(env["CRONIUM_TOKEN_FILE"]);
  const token = file === null ? present(env["CRONIUM_TOKEN"]) : readTokenFile(file);
  return token === null ? null : checkToken(token, file === null ? "CRONIUM_TOKEN" : file);
}

function readTokenFile(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new ExitError(
      "usage",
      `The token file ${file} cannot be read (${String((cause as NodeJS.ErrnoException).code)}).`,
      "Check --token-file or CRONIUM_TOKEN_FILE.",
      { cause },
    );
  }
}

export function checkToken(token: string, where: string): string {
  if (!isWholeToken("apiKey", token)) {
    const next = token.startsWith("crnr_")
      ? "That is the registration token of a runner; an API key begins with crnk_."
      : "Copy the whole key; it begins with crnk_.";
    throw new ExitError("usage", `${where} holds no whole API key.`, next);
  }
  return token;
}

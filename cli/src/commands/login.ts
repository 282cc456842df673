/** `cronium login` and `cronium logout`: a key for this machine by the device flow (RFC 8628), or one that is there. */
import { hostname } from "node:os";
import {
  CLI_CLIENT_ID,
  DEVICE_GRANT,
  DeviceCodeResponse,
  DeviceTokenResponse,
  OAuthError,
} from "@cronium/protocol/api/device";
import { Me } from "@cronium/protocol/api/account";
import { Api, checked } from "../api/client.ts";
import { refusal } from "../api/problem.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { sleep } from "../base/retryable.ts";
import { checkToken, checkUrl, chosenProfile, wantedUrl } from "../config/access.ts";
import { findLocalInstallation } from "../config/local-installation.ts";
import { type ConfigFile, present, type Profile, readProfiles, writeProfiles } from "../config/profiles.ts";
import { openInBrowser } from "./browser.ts";
import { ask, type Cli } from "./context.ts";
import { readText } from "./json-input.ts";
import { unknownProfile } from "./workspaces.ts";

export async function login(cli: Cli, input: Input): Promise<void> {
  const config = readProfiles(cli.env);
  const named = input.text("profile") ?? present(cli.env["CRONIUM_PROFILE"]);
  const url = await loginUrl(cli, input, config, named);
  const { out } = cli;
  if (url.startsWith("http:") && !/^http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::|$)/.test(url)) {
    out.say(out.sayStyle("yellow", `${url} is not encrypted: whoever is on the way can read the key.`));
  }
  const key = input.flag("with-token") ? givenKey() : await deviceKey(cli, input, url);
  const me = await new Api(url, key.token).json("GET", "/me", Me);
  const profile: Profile = { url, ...key, workspace: me.workspace, role: me.role };
  const name = named ?? profileName(config, profile);
  writeProfiles(cli.env, { ...config, current: name, profiles: { ...config.profiles, [name]: profile } });
  if (out.json) {
    out.value({ profile: name, url, workspace: me.workspace, role: me.role, expiresAt: key.expiresAt });
  } else {
    const until = key.expiresAt === null ? "" : ` until ${key.expiresAt.slice(0, 10)}`;
    out.say(`Signed in to ${me.workspace.name} at ${url} as ${me.role}${until}. Profile: ${name}.`);
  }
}

async function loginUrl(cli: Cli, input: Input, config: ConfigFile, named: string | null): Promise<string> {
  const known = wantedUrl(input, cli.env) ?? (named === null ? null : (config.profiles[named]?.url ?? null));
  const found = known ?? chosenProfile(config, null, null)?.[1].url ?? findLocalInstallation(process.cwd())?.url;
  if (found !== undefined) {
    return found;
  }
  if (!cli.asks) {
    throw new ExitError(
      "usage",
      "Nothing says which control plane to sign in to.",
      "Give --url https://host, or set CRONIUM_URL.",
    );
  }
  return checkUrl((await ask("Address of the control plane: ")).trim());
}

type Key = Pick<Profile, "token" | "origin" | "expiresAt">;

/** Out of `ps` and of histories: only by stdin. */
function givenKey(): Key {
  return { token: checkToken(readText("-").trim(), "stdin"), origin: "given", expiresAt: null };
}

async function deviceKey(cli: Cli, input: Input, url: string): Promise<Key> {
  const { out } = cli;
  const codes = checked(
    DeviceCodeResponse,
    await ok(url, "code", {
      client_id: CLI_CLIENT_ID,
      device_name: deviceName(),
      ...(input.text("role") === undefined ? {} : { scope: input.text("role") }),
    }),
    "the request for a code",
  );
  out.say(`Open this page and check that it shows the same code:\n`);
  out.say(`  ${codes.verification_uri_complete}`);
  out.say(`  ${out.sayStyle("bold", codes.user_code)}\n`);
  if (cli.asks && input.flag("browser")) {
    openInBrowser(codes.verification_uri_complete);
  }
  out.say(`Waiting for ${Math.round(codes.expires_in / 60)} min for a person to approve it …`);
  const token = await untilDecided(cli, url, codes);
  return {
    token: token.access_token,
    origin: "device",
    expiresAt: new Date(cli.now() + token.expires_in * 1_000).toISOString(),
  };
}

/** Asks every `interval` seconds, five more each time it was too often. */
async function untilDecided(cli: Cli, url: string, codes: DeviceCodeResponse): Promise<DeviceTokenResponse> {
  const deadline = cli.now() + codes.expires_in * 1_000;
  let interval = codes.interval;
  while (cli.now() < deadline) {
    await sleep(interval * 1_000);
    const response = await post(url, "token", {
      grant_type: DEVICE_GRANT,
      device_code: codes.device_code,
      client_id: CLI_CLIENT_ID,
    }).catch(() => null);
    if (response === null || response.status >= 500) {
      // RFC 8628, section 3.5: a connection that fails is asked less often, not given up.
      interval = Math.min(60, interval * 2);
      continue;
    }
    const body: unknown = await response.json().catch(() => null);
    if (response.ok) {
      return checked(DeviceTokenResponse, body, "the request for the key");
    }
    const refused = OAuthError.safeParse(body);
    if (!refused.success) {
      throw refusal(response.status, JSON.stringify(body), url);
    }
    if (refused.data.error === "slow_down") {
      interval += 5;
    } else if (refused.data.error !== "authorization_pending") {
      throw new ExitError("auth", refused.data.error_description, "Run cronium login again.");
    }
  }
  throw new ExitError("auth", "Nobody approved the login in time.", "Run cronium login again.");
}

function post(url: string, path: string, fields: Readonly<Record<string, string | undefined>>): Promise<Response> {
  return fetch(`${url}/api/v1/device/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fields),
    redirect: "manual",
    signal: AbortSignal.timeout(30_000),
  });
}

async function ok(url: string, path: string, fields: Readonly<Record<string, string | undefined>>): Promise<unknown> {
  let response: Response;
  try {
    response = await post(url, path, fields);
  } catch (cause) {
    throw new ExitError("network", `${url} does not answer.`, "Check the address and the network, then try again.", {
      cause,
    });
  }
  const text = await response.text();
  if (!response.ok) {
    const refused = OAuthError.safeParse(JSON.parse(text.startsWith("{") ? text : "null"));
    throw refused.success
      ? new ExitError("usage", refused.data.error_description, "See cronium login --help.")
      : refusal(response.status, text, url);
  }
  return JSON.parse(text);
}

/** What the person will see on the consent page; without what a name may not hold. */
function deviceName(): string {
  const name = hostname()
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, "")
    .trim();
  return name === "" ? "a machine without a name" : name.slice(0, 200).trim();
}

/** The profile of the same workspace, else `default`, else the host, else that with a number. */
function profileName(config: ConfigFile, profile: Profile): string {
  const same = Object.entries(config.profiles).find(
    ([, other]) => other.url === profile.url && other.workspace.id === profile.workspace.id,
  );
  if (same !== undefined) {
    return same[0];
  }
  const host = new URL(profile.url).host;
  const names = ["default", host, ...Array.from({ length: 1_000 }, (_, index) => `${host}-${index + 2}`)];
  return names.find((name) => !Object.hasOwn(config.profiles, name)) ?? host;
}

export async function logout(cli: Cli, input: Input): Promise<void> {
  const config = readProfiles(cli.env);
  const names = input.flag("all") ? Object.keys(config.profiles) : [profileToLeave(cli, input, config)];
  const left = { ...config.profiles };
  const ended: { readonly profile: string; readonly revoked: boolean }[] = [];
  for (const name of names) {
    const profile = config.profiles[name];
    if (profile === undefined) {
      throw unknownProfile(name);
    }
    const revoked = profile.origin === "device" && (await revoke(profile));
    if (profile.origin === "device" && !revoked) {
      cli.out.say(
        `${profile.url} could not be told; the key of ${name} stays valid until ${profile.expiresAt ?? "revoked"}.`,
      );
    }
    delete left[name];
    ended.push({ profile: name, revoked });
  }
  const current = config.current !== null && Object.hasOwn(left, config.current) ? config.current : null;
  writeProfiles(cli.env, { version: 1, current: current ?? Object.keys(left)[0] ?? null, profiles: left });
  if (cli.out.json) {
    cli.out.value({ items: ended });
  } else {
    cli.out.say(names.length === 0 ? "Nobody was signed in." : `Signed out: ${names.join(", ")}.`);
  }
}

function profileToLeave(cli: Cli, input: Input, config: ConfigFile): string {
  const named = input.text("profile") ?? present(cli.env["CRONIUM_PROFILE"]) ?? config.current;
  if (named === null) {
    throw new ExitError("auth", "Nobody is signed in.", "See cronium profiles list.");
  }
  return named;
}

async function revoke(profile: Profile): Promise<boolean> {
  try {
    return (await post(profile.url, "revoke", { token: profile.token })).ok;
  } catch {
    return false;
  }
}

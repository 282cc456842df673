/** `cronium workspaces` and `cronium profiles`: where one is signed in, and what holds there. */
import { Me } from "@cronium/protocol/api/account";
import { Workspace } from "@cronium/protocol/api/members";
import { Settings, type UpdateSettings } from "@cronium/protocol/api/settings";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { isWorkspace } from "../config/access.ts";
import { configPath, readProfiles, writeProfiles } from "../config/profiles.ts";
import { printFacts, printTable } from "../output/table.ts";
import type { Cli } from "./context.ts";
import { saveAnswer } from "./save-answer.ts";

/** The workspaces that the profiles of this machine reach. */
export function listWorkspaces(cli: Cli): Promise<void> {
  const { profiles, current } = readProfiles(cli.env);
  const items = Object.entries(profiles).map(([profile, { workspace, url, role }]) => ({
    ...workspace,
    url,
    role,
    profile,
    current: profile === current,
  }));
  if (cli.out.json) {
    cli.out.value({ items, nextCursor: null });
    return Promise.resolve();
  }
  printTable(
    cli.out,
    ["WORKSPACE", "NAME", "ROLE", "ADDRESS", "PROFILE"],
    items.map((item) => [
      item.id,
      item.name,
      item.role,
      item.url,
      `${item.profile}${item.current ? " (current)" : ""}`,
    ]),
  );
  return Promise.resolve();
}

export async function showWorkspace(cli: Cli): Promise<void> {
  const api = await cli.connect();
  const [me, settings] = [await api.json("GET", "/me", Me), await api.json("GET", "/settings", Settings)];
  if (cli.out.json) {
    cli.out.value({ ...me, url: api.url, settings });
    return;
  }
  printFacts(cli.out, [
    ["workspace", me.workspace.id],
    ["name", me.workspace.name],
    ["address", api.url],
    ["version", me.version],
    ["role", me.role],
    ["concurrency", settings.concurrency === null ? "no limit" : String(settings.concurrency)],
    ["retention", `${settings.retentionDays} days`],
  ]);
}

export async function updateWorkspace(cli: Cli, input: Input): Promise<void> {
  const concurrency = input.text("concurrency") === "none" ? null : input.number("concurrency", 1, 100_000);
  const retentionDays = input.number("retention-days", 1, 3_650);
  const body: UpdateSettings = {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(retentionDays === undefined ? {} : { retentionDays }),
  };
  if (Object.keys(body).length === 0) {
    throw new ExitError("usage", "There is nothing to change.", "Give --concurrency or --retention-days.");
  }
  const api = await cli.connect();
  const settings = await api.json("PATCH", "/settings", Settings, { body, ifMatch: input.basedOn() });
  if (cli.out.json) {
    cli.out.value(settings);
  } else {
    printFacts(cli.out, [
      ["concurrency", settings.concurrency === null ? "no limit" : String(settings.concurrency)],
      ["retention", `${settings.retentionDays} days`],
    ]);
  }
}

export async function renameWorkspace(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const sending = { body: { name: input.arg(0) }, ifMatch: input.basedOn() };
  const workspace = await api.json("PATCH", "/workspace", Workspace, sending);
  if (cli.out.json) {
    cli.out.value(workspace);
  } else {
    printFacts(cli.out, [
      ["workspace", workspace.id],
      ["name", workspace.name],
      ["version", String(workspace.version)],
    ]);
  }
}

/** NDJSON; secrets by name alone. */
export async function exportWorkspace(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  await saveAnswer(cli, input, await api.send("GET", "/workspace/export"));
}

/** A key must not be able to: whoever finds one could destroy everything. A person does it, with a fresh proof. */
export async function deleteWorkspace(cli: Cli): Promise<void> {
  const api = await cli.connect();
  const { workspace } = await api.json("GET", "/me", Me);
  throw new ExitError(
    "usage",
    `The workspace ${JSON.stringify(workspace.name)} is not deleted: no API key can do that, only an owner who is signed in.`,
    `Save a copy with cronium workspaces export --output copy.ndjson, then open ${api.url}/settings?tab=workspace`,
  );
}

export async function useWorkspace(cli: Cli, input: Input): Promise<void> {
  const config = readProfiles(cli.env);
  const found = Object.entries(config.profiles).find(([, profile]) => isWorkspace(profile.workspace, input.arg(0)));
  if (found === undefined) {
    throw new ExitError(
      "notFound",
      `No profile reaches the workspace ${JSON.stringify(input.arg(0))}.`,
      "See cronium workspaces list; sign in to another with cronium login.",
    );
  }
  writeProfiles(cli.env, { ...config, current: found[0] });
  cli.out.say(`Commands now act on ${found[1].workspace.name}, by the profile ${found[0]}.`);
  return Promise.resolve();
}

export function listProfiles(cli: Cli): Promise<void> {
  const { profiles, current } = readProfiles(cli.env);
  const items = Object.entries(profiles).map(([name, { token: _hidden, ...rest }]) => ({
    name,
    current: name === current,
    ...rest,
  }));
  if (cli.out.json) {
    cli.out.value({ items, nextCursor: null });
  } else {
    printTable(
      cli.out,
      ["PROFILE", "ADDRESS", "WORKSPACE", "ROLE", "KEY ENDS", ""],
      items.map((item) => [
        item.name,
        item.url,
        item.workspace.name,
        item.role,
        item.expiresAt ?? "-",
        item.current ? "current" : "",
      ]),
    );
  }
  return Promise.resolve();
}

export function useProfile(cli: Cli, input: Input): Promise<void> {
  const config = readProfiles(cli.env);
  const name = input.arg(0);
  if (!Object.hasOwn(config.profiles, name)) {
    throw unknownProfile(name);
  }
  writeProfiles(cli.env, { ...config, current: name });
  cli.out.say(`Commands now use the profile ${name}.`);
  return Promise.resolve();
}

export function showConfigPath(cli: Cli): Promise<void> {
  cli.out.line(configPath(cli.env));
  return Promise.resolve();
}

export function unknownProfile(name: string): ExitError {
  return new ExitError("notFound", `There is no profile ${JSON.stringify(name)}.`, "See cronium profiles list.");
}

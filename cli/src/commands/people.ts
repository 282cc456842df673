/** `cronium members` and `cronium api-keys`: who belongs to the workspace, and what programs sign in with. */
import { type ApiKey, ApiKeyPage, CreateApiKey, CreatedApiKey } from "@cronium/protocol/api/api-keys";
import { CreatedInvitation, CreateInvitation, type Member, MemberPage } from "@cronium/protocol/api/members";
import { readPages } from "../api/pages.ts";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { ago } from "../output/words.ts";
import { type Cli, confirm } from "./context.ts";
import { printPage } from "./print-page.ts";
import { segment } from "./runs.ts";

const MOST = 10_000;

export async function listMembers(cli: Cli): Promise<void> {
  const page = await members(await cli.connect());
  const now = cli.now();
  printPage(cli, page, ["MEMBER", "NAME", "E-MAIL", "ROLE", "JOINED", "VERSION"], (member) => [
    member.userId,
    member.name,
    member.email,
    member.role,
    ago(member.joinedAt, now),
    String(member.version),
  ]);
}

export async function inviteMember(cli: Cli, input: Input): Promise<void> {
  const days = input.number("expires-in-days", 1, 30);
  const body = {
    email: input.arg(0),
    role: input.text("role") ?? "viewer",
    ...(days === undefined ? {} : { expiresInDays: days }),
  };
  refuseBad(CreateInvitation.safeParse(body), "Give an e-mail address.");
  const api = await cli.connect();
  const invitation = await api.json("POST", "/invitations", CreatedInvitation, { body });
  if (cli.out.json) {
    cli.out.value(invitation);
    return;
  }
  cli.out.say(`Hand this link to ${invitation.email}; it works once, until ${invitation.expiresAt}:`);
  cli.out.line(invitation.link);
}

export async function changeMember(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const member = await findMember(api, input.arg(0));
  const role = input.text("role");
  if (role === undefined) {
    throw new ExitError("usage", "There is nothing to change.", "Give --role.");
  }
  const ifMatch = input.basedOn() ?? member.version;
  await api.send("PATCH", `/members/${segment(member.userId)}`, { body: { role }, ifMatch });
  if (cli.out.json) {
    cli.out.value({ userId: member.userId, role });
  } else {
    cli.out.line(`${member.userId}\t${role}`);
  }
}

export async function removeMember(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const member = await findMember(api, input.arg(0));
  await confirm(cli, input, `Remove ${member.name} (${member.email}) from the workspace? Their keys end at once.`);
  // Whoever was made an owner while the question stood is not removed by an answer about a viewer.
  await api.send("DELETE", `/members/${segment(member.userId)}`, { ifMatch: member.version });
  if (cli.out.json) {
    cli.out.value({ userId: member.userId, removed: true });
  } else {
    cli.out.line(`${member.userId}\tremoved`);
  }
}

export async function listApiKeys(cli: Cli): Promise<void> {
  const page = await apiKeys(await cli.connect());
  const now = cli.now();
  printPage(cli, page, ["KEY", "NAME", "OF", "ROLE", "SCOPES", "LAST USED", "ENDS"], (key) => [
    key.id,
    key.name,
    key.owner.name,
    key.role,
    key.scopes?.join(" ") ?? "all",
    ago(key.lastUsedAt, now),
    key.expiresAt ?? "-",
  ]);
}

export async function createApiKey(cli: Cli, input: Input): Promise<void> {
  const days = input.number("expires-in-days", 1, 365);
  const [role, account] = [input.text("role"), input.text("service-account")];
  const scopes = input.list("scope").flatMap((text) => text.split(","));
  const body = {
    name: input.arg(0),
    ...(role === undefined ? {} : { role }),
    ...(scopes.length === 0 ? {} : { scopes }),
    ...(days === undefined ? {} : { expiresInDays: days }),
    ...(account === undefined ? {} : { serviceAccountId: account }),
  };
  refuseBad(CreateApiKey.safeParse(body), "See cronium api-keys create --help.");
  const api = await cli.connect();
  const key = await api.json("POST", "/api-keys", CreatedApiKey, { body });
  if (cli.out.json) {
    cli.out.value(key);
    return;
  }
  cli.out.say(`The key ${key.id} (${key.role}) is shown this once:`);
  cli.out.line(key.key);
}

export async function revokeApiKey(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const { items } = await apiKeys(api);
  const found = items.filter(({ id, name }) => id === input.arg(0) || name === input.arg(0));
  const [key] = found;
  if (key === undefined) {
    throw new ExitError("notFound", `There is no key ${JSON.stringify(input.arg(0))}.`, "See cronium api-keys list.");
  }
  if (found.length > 1) {
    const ids = found.map(({ id }) => id).join(", ");
    throw new ExitError("conflict", `${found.length} keys have this name.`, `Name one by its id: ${ids}.`);
  }
  await confirm(cli, input, `Revoke the key ${key.name} of ${key.owner.name}? What uses it stops working.`);
  await api.send("DELETE", `/api-keys/${segment(key.id)}`);
  if (cli.out.json) {
    cli.out.value({ keyId: key.id, revoked: true });
  } else {
    cli.out.line(`${key.id}\trevoked`);
  }
}

const members = (api: Api) => readPages<Member>(api, "/members", MemberPage, { limit: MOST, cursor: undefined });
const apiKeys = (api: Api) => readPages<ApiKey>(api, "/api-keys", ApiKeyPage, { limit: MOST, cursor: undefined });

/** By id, name or e-mail address. */
async function findMember(api: Api, named: string): Promise<Member> {
  const { items } = await members(api);
  const found = items.filter(({ userId, name, email }) => [userId, name, email].includes(named));
  const [member] = found;
  if (member === undefined) {
    throw new ExitError("notFound", `There is no member ${JSON.stringify(named)}.`, "See cronium members list.");
  }
  if (found.length > 1) {
    throw new ExitError("conflict", `${found.length} members have this name.`, "Name one by the e-mail address.");
  }
  return member;
}

function refuseBad(
  parsed:
    | { success: true }
    | { success: false; error: { issues: readonly { path: PropertyKey[]; message: string }[] } },
  next: string,
): void {
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ExitError("usage", `${String(issue?.path[0] ?? "It")} ${issue?.message ?? "is not valid"}.`, next);
  }
}

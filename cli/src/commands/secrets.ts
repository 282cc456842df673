/** `cronium secrets`: stored from stdin or a file, never from the command line, and never shown again. */
import { ImportedSecrets, type Secret, Secret as SecretSchema, SecretPage } from "@cronium/protocol/api/secrets";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { printTable } from "../output/table.ts";
import { ago } from "../output/words.ts";
import { type Cli, confirm } from "./context.ts";
import { printPage } from "./print-page.ts";
import { eventId } from "./event-ref.ts";
import { readText } from "./json-input.ts";
import { segment } from "./runs.ts";

export async function listSecrets(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const page = await api.json("GET", "/secrets", SecretPage, { query: { eventId: await eventOf(api, input) } });
  const now = cli.now();
  printPage(cli, page, ["SECRET", "NAME", "OF", "VERSION", "USED BY", "LAST USED", ""], (secret) => [
    secret.id,
    secret.name,
    secret.eventName ?? "workspace",
    String(secret.version),
    secret.usedBy.map(({ eventName }) => eventName).join(", ") || "-",
    ago(secret.lastUsedAt, now),
    secret.warnings.length === 0 ? "" : { text: "too short to be masked in logs", style: "yellow" },
  ]);
}

/** Makes it, or replaces its value. */
export async function setSecret(cli: Cli, input: Input): Promise<void> {
  const name = input.arg(0);
  const value = readValue(cli, input);
  const description = input.text("description");
  const api = await cli.connect();
  const event = await eventOf(api, input);
  const known = await findSecret(api, name, event);
  const basedOn = input.basedOn();
  if (known === undefined && basedOn !== undefined) {
    throw noSecret(name, event);
  }
  const more = description === undefined ? {} : { description };
  const secret =
    known === undefined
      ? await api.json("POST", "/secrets", SecretSchema, {
          body: { name, value, eventId: event ?? null, ...more },
        })
      : await api.json("PUT", `/secrets/${segment(known.id)}`, SecretSchema, {
          body: { value, ...more },
          ifMatch: basedOn,
        });
  if (cli.out.json) {
    cli.out.value(secret);
    return;
  }
  cli.out.line(`${secret.id}\t${known === undefined ? "created" : "replaced"}`);
  if (secret.warnings.length > 0) {
    cli.out.say("The value is so short that logs cannot be kept free of it.");
  }
}

export async function deleteSecret(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const event = await eventOf(api, input);
  const secret = await findSecret(api, input.arg(0), event);
  if (secret === undefined) {
    throw noSecret(input.arg(0), event);
  }
  const users = secret.usedBy.map(({ eventName }) => eventName);
  const used = users.length === 0 ? "" : ` Runs of ${users.join(", ")} fail without it.`;
  await confirm(cli, input, `Delete the secret ${secret.name}?${used}`);
  await api.send("DELETE", `/secrets/${segment(secret.id)}`, { query: { force: String(input.flag("force")) } });
  if (cli.out.json) {
    cli.out.value({ secretId: secret.id, deleted: true });
  } else {
    cli.out.line(`${secret.id}\tdeleted`);
  }
}

/** All lines of a `.env` file or none, after showing what they would do. */
export async function importSecrets(cli: Cli, input: Input): Promise<void> {
  const text = readText(input.arg(0));
  const api = await cli.connect();
  const body = { text, eventId: (await eventOf(api, input)) ?? null };
  const send = (preview: boolean): Promise<ImportedSecrets> =>
    api.json("POST", "/secrets/import", ImportedSecrets, { body: { ...body, preview } });
  const dryRun = input.flag("dry-run");
  const found = await send(true);
  if (!dryRun) {
    const replaced = found.items.filter(({ action }) => action === "replace").length;
    await confirm(cli, input, `Store ${found.items.length} secrets, ${replaced} of them over an older value?`);
  }
  const result = dryRun ? found : await send(false);
  if (cli.out.json) {
    cli.out.value(result);
    return;
  }
  printTable(
    cli.out,
    ["NAME", "ACTION", ""],
    result.items.map(({ name, action, warnings }) => [
      name,
      action,
      warnings.length === 0 ? "" : { text: "too short to be masked in logs", style: "yellow" },
    ]),
  );
}

/** Arguments are readable by everybody on the machine and stay in the shell's history. */
function readValue(cli: Cli, input: Input): string {
  const file = input.text("file");
  if (file !== undefined && file !== "-") {
    return readText(file);
  }
  if (cli.asks) {
    throw new ExitError(
      "usage",
      "The value is read from stdin, and stdin is this terminal.",
      `Pipe it in, such as printf %s "$VALUE" | cronium secrets set ${input.arg(0)}, or give --file.`,
    );
  }
  // Most programs end what they print with a newline that is not part of it.
  return readText("-").replace(/\r?\n$/, "");
}

function noSecret(name: string, event: string | undefined): ExitError {
  return new ExitError(
    "notFound",
    `There is no secret ${JSON.stringify(name)} of ${event === undefined ? "the workspace" : "this event"}.`,
    "See cronium secrets list.",
  );
}

async function findSecret(api: Api, named: string, event: string | undefined): Promise<Secret | undefined> {
  const { items } = await api.json("GET", "/secrets", SecretPage);
  return items.find(({ id, name, eventId: of }) => id === named || (name === named && of === (event ?? null)));
}

export async function eventOf(api: Api, input: Input): Promise<string | undefined> {
  const event = input.text("event");
  return event === undefined ? undefined : eventId(api, event);
}

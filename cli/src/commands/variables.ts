/** `cronium variables`: values that everybody in the workspace may see, with what they were before. */
import { Variable, VariablePage, type VariableType, VariableVersionPage } from "@cronium/protocol/api/variables";
import type { Json } from "@cronium/protocol/json";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { ago } from "../output/words.ts";
import { type Cli, confirm } from "./context.ts";
import { printPage } from "./print-page.ts";
import { parseJson, readText } from "./json-input.ts";
import { segment } from "./runs.ts";
import { eventOf } from "./secrets.ts";

export async function listVariables(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const page = await api.json("GET", "/variables", VariablePage, { query: { eventId: await eventOf(api, input) } });
  printPage(cli, page, ["VARIABLE", "NAME", "OF", "TYPE", "VALUE"], (variable) => [
    variable.id,
    variable.name,
    variable.eventName ?? "workspace",
    variable.type,
    textOf(variable.value),
  ]);
}

/** A text as it is, anything else as JSON. */
export async function getVariable(cli: Cli, input: Input): Promise<void> {
  const variable = await findVariable(await cli.connect(), input);
  if (cli.out.json) {
    cli.out.value(variable);
  } else {
    cli.out.line(textOf(variable.value));
  }
}

/** Makes it, or gives it another value. */
export async function setVariable(cli: Cli, input: Input): Promise<void> {
  const name = input.arg(0);
  const text = valueText(input);
  const api = await cli.connect();
  const event = await eventOf(api, input);
  const known = await lookUp(api, name, event);
  const asked = input.text("type") as VariableType | undefined;
  const type = asked ?? known?.type ?? "string";
  const value = valueOf(text, type);
  const description = input.text("description");
  const body = {
    value,
    ...(asked === undefined ? {} : { type }),
    ...(description === undefined ? {} : { description }),
  };
  const basedOn = input.basedOn();
  if (known === undefined && basedOn !== undefined) {
    throw noVariable(name, event);
  }
  const variable =
    known === undefined
      ? await api.json("POST", "/variables", Variable, { body: { ...body, type, name, eventId: event ?? null } })
      : await api.json("PUT", `/variables/${segment(known.id)}`, Variable, {
          body: { ...body, ...(basedOn === undefined ? {} : { version: basedOn }) },
        });
  if (cli.out.json) {
    cli.out.value(variable);
  } else {
    cli.out.line(`${variable.id}\tversion ${variable.version}`);
  }
}

export async function deleteVariable(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const variable = await findVariable(api, input);
  await confirm(cli, input, `Delete the variable ${variable.name} with all its values?`);
  await api.send("DELETE", `/variables/${segment(variable.id)}`, { ifMatch: variable.version });
  if (cli.out.json) {
    cli.out.value({ variableId: variable.id, deleted: true });
  } else {
    cli.out.line(`${variable.id}\tdeleted`);
  }
}

export async function variableHistory(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const variable = await findVariable(api, input);
  const page = await api.json("GET", `/variables/${segment(variable.id)}/versions`, VariableVersionPage);
  const now = cli.now();
  printPage(cli, page, ["VERSION", "WHEN", "BY", "TYPE", "VALUE"], ({ version, at, by, type, value }) => [
    String(version),
    ago(at, now),
    by,
    type,
    textOf(value),
  ]);
}

function valueText(input: Input): string {
  const [typed, file] = [input.maybeArg(1), input.text("file")];
  if ((typed === undefined) === (file === undefined)) {
    throw new ExitError("usage", "The value is given once.", "Put it behind the name, or give --file; - is stdin.");
  }
  return typed ?? readText(file ?? "-");
}

function valueOf(text: string, type: VariableType): Json {
  return type === "string" ? text : parseJson(text, `The value of a ${type}`);
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

async function lookUp(api: Api, named: string, event: string | undefined): Promise<Variable | undefined> {
  const { items } = await api.json("GET", "/variables", VariablePage);
  return items.find(({ id, name, eventId }) => id === named || (name === named && eventId === (event ?? null)));
}

function noVariable(name: string, event: string | undefined): ExitError {
  return new ExitError(
    "notFound",
    `There is no variable ${JSON.stringify(name)} of ${event === undefined ? "the workspace" : "this event"}.`,
    "See cronium variables list.",
  );
}

async function findVariable(api: Api, input: Input): Promise<Variable> {
  const event = await eventOf(api, input);
  const found = await lookUp(api, input.arg(0), event);
  if (found === undefined) {
    throw noVariable(input.arg(0), event);
  }
  return found;
}

/** `cronium events`: what can be run, and its versions. */
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import {
  CreateEvent,
  EventPage,
  type EventSummary,
  EventVersionPage,
  SavedEvent,
  UpdateEvent,
} from "@cronium/protocol/api/events";
import type { ContainerSettings } from "@cronium/protocol/container";
import { Event } from "@cronium/protocol/event";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { readPages } from "../api/pages.ts";
import { printFacts } from "../output/table.ts";
import { ago, labelsText, span } from "../output/words.ts";
import { asksForChains, chainsOf, chainText } from "./chain-flags.ts";
import { containerOf, memoryOf, mountsOf } from "./container-flags.ts";
import type { Cli } from "./context.ts";
import { printPage, printPart } from "./print-page.ts";
import { eventId } from "./event-ref.ts";
import { jsonInput, parseJson, readText } from "./json-input.ts";

export async function listEvents(cli: Cli, input: Input): Promise<void> {
  const limit = input.number("limit", 1, 10_000) ?? 50;
  const api = await cli.connect();
  const page = await readPages<EventSummary>(api, "/events", EventPage, { limit, cursor: input.text("cursor") });
  const now = cli.now();
  printPart(cli, page, ["EVENT", "NAME", "RUNTIME", "VERSION", "CHANGED", "LAST RUN"], (event) => [
    event.id,
    event.name,
    event.runtime,
    String(event.version),
    ago(event.updatedAt, now),
    event.recentRuns[0]?.state ?? "-",
  ]);
}

export async function showEvent(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const event = await api.json("GET", `/events/${await eventId(api, input.arg(0))}`, Event);
  if (input.flag("script")) {
    cli.out.write(event.script);
    return;
  }
  printEvent(cli, event);
}

export async function createEvent(cli: Cli, input: Input): Promise<void> {
  const read = fieldsOf(input);
  const container = containerOf(input, settingsOf(read["container"]));
  const fields = container === undefined ? read : { ...read, container };
  const parsed = CreateEvent.safeParse(fields);
  if (!parsed.success) {
    throw wrong(parsed.error.issues[0]);
  }
  const api = await cli.connect();
  const idempotencyKey = input.text("idempotency-key") ?? randomUUID();
  const body = asksForChains(input) ? { ...fields, chains: await chainsOf(api, input) } : fields;
  printSaved(cli, await api.json("POST", "/events", SavedEvent, { body, idempotencyKey }));
}

export async function updateEvent(cli: Cli, input: Input): Promise<void> {
  const fields = fieldsOf(input);
  const asksOfContainer = containerOf(input, { network: { mode: "allowlist", hosts: [] } }) !== undefined;
  if (Object.keys(fields).length === 0 && !asksOfContainer && !asksForChains(input)) {
    throw new ExitError(
      "usage",
      "There is nothing to change.",
      "Give a flag or --file; see cronium events update --help.",
    );
  }
  const api = await cli.connect();
  const id = await eventId(api, input.arg(0));
  const based = input.number("based-on", 1, 1_000_000_000) ?? fields["version"];
  // A change of the container replaces all of it, so flags are put onto what the event has.
  const onto = asksOfContainer && fields["container"] === undefined;
  const old = based === undefined || onto ? await api.json("GET", `/events/${id}`, Event) : null;
  const container = containerOf(input, settingsOf(fields["container"] ?? old?.container));
  const body = {
    ...fields,
    ...(container === undefined ? {} : { container }),
    ...(asksForChains(input) ? { chains: await chainsOf(api, input) } : {}),
    version: based ?? old?.version,
  };
  const parsed = UpdateEvent.safeParse(body);
  if (!parsed.success) {
    throw wrong(parsed.error.issues[0]);
  }
  printSaved(cli, await api.json("PATCH", `/events/${id}`, SavedEvent, { body }));
}

/** What is no object is left to the check of the whole request. */
function settingsOf(container: unknown): ContainerSettings {
  return typeof container === "object" && container !== null ? (container as ContainerSettings) : {};
}

export async function listVersions(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const page = await api.json("GET", `/events/${await eventId(api, input.arg(0))}/versions`, EventVersionPage);
  const now = cli.now();
  printPage(cli, page, ["VERSION", "NAME", "RUNTIME", "SAVED", "SCRIPT"], (event) => [
    String(event.version),
    event.name,
    event.runtime,
    ago(event.updatedAt, now),
    `${event.script.length} characters`,
  ]);
}

/** The fields that flags and file name, flags first. The file is JSON as the API takes it. */
function fieldsOf(input: Input): Record<string, unknown> {
  const file = input.text("file");
  const read = file === undefined ? {} : jsonObject(parseJson(readText(file), file), file);
  const script = input.text("script");
  const timeoutMs = input.duration("run-timeout");
  const defaultInput = jsonInput(input, "input");
  const inputSchema = jsonInput(input, "input-schema");
  const fields: Record<string, unknown> = {
    name: input.text("name"),
    description: input.text("description"),
    runtime: input.text("runtime"),
    script: script === undefined ? undefined : script === "-" ? readText("-") : readScript(script),
    timeoutMs,
    memoryMb: memoryOf(input),
    mounts: mountsOf(input),
    labels: input.list("label").length === 0 ? undefined : input.pairs("label"),
    env: input.list("env").length === 0 ? undefined : input.pairs("env"),
    queue: input.text("queue"),
    priority: input.number("priority", -100, 100),
    scriptRetries: input.number("script-retries", 0, 10),
    onLost: input.text("on-lost"),
    defaultInput,
    inputSchema,
  };
  const merged: Record<string, unknown> = { ...read };
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) {
      merged[name] = value;
    }
  }
  return merged;
}

function jsonObject(value: unknown, file: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ExitError(
      "usage",
      `${file} holds no JSON object.`,
      "See POST /api/v1/events in docs/api.md for its fields.",
    );
  }
  return value as Readonly<Record<string, unknown>>;
}

function readScript(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new ExitError(
      "usage",
      `The script ${file} cannot be read (${String((cause as NodeJS.ErrnoException).code)}).`,
      "Check --script.",
      { cause },
    );
  }
}

function wrong(issue: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined): ExitError {
  const field = issue?.path.map(String).join(".") ?? "";
  const missing = issue?.message.endsWith("received undefined") === true;
  return new ExitError(
    "usage",
    `${field} ${missing ? "is missing" : (issue?.message ?? "is not valid")}.`,
    "See cronium events create --help, and docs/api.md for every field.",
  );
}

function printSaved(cli: Cli, { notices = [], ...event }: SavedEvent): void {
  if (cli.out.json) {
    cli.out.value(notices.length === 0 ? event : { ...event, notices });
    return;
  }
  printEvent(cli, event);
  for (const { message } of notices) {
    cli.out.say(`${cli.out.sayStyle("yellow", "notice:")} ${message}`);
  }
}

function printEvent(cli: Cli, event: Event): void {
  if (cli.out.json) {
    cli.out.value(event);
    return;
  }
  printFacts(cli.out, [
    ["event", event.id],
    ["name", event.name],
    ["description", event.description],
    ["runtime", event.runtime],
    ["version", String(event.version)],
    ["timeout", span(event.timeoutMs)],
    ["memory", `${event.memoryMb} MB`],
    ["labels", labelsText(event.labels)],
    ["queue", `${event.queue}, priority ${event.priority}`],
    ["container", event.container === undefined ? "" : JSON.stringify(event.container)],
    ["script", `${event.script.length} characters`],
    ["input schema", event.inputSchema === null ? "none" : schemaFields(event.inputSchema)],
    ["starts", event.chains.length === 0 ? "" : event.chains.map(chainText).join(", ")],
    ["changed", event.updatedAt],
  ]);
}

/** The names of the fields that it asks for, required ones with a star. */
function schemaFields(schema: NonNullable<Event["inputSchema"]>): string {
  const { properties = {}, required = [] } = schema;
  const needed: readonly unknown[] = Array.isArray(required) ? required : [];
  const names = typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
  return names.length === 0 ? "yes" : names.map((name) => (needed.includes(name) ? `${name}*` : name)).join(", ");
}

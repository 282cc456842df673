/** `cronium endpoints`: where webhooks arrive. */
import {
  CreateEndpoint,
  type Endpoint,
  Endpoint as EndpointSchema,
  EndpointAddress,
  EndpointWithSecret,
} from "@cronium/protocol/endpoint";
import { EndpointPage } from "@cronium/protocol/api/endpoints";
import { isId } from "@cronium/protocol/ids";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { printFacts } from "../output/table.ts";
import { ago } from "../output/words.ts";
import { type Cli, confirm } from "./context.ts";
import { dedupeFlags } from "./dedupe-flags.ts";
import { printPage } from "./print-page.ts";
import { eventId } from "./event-ref.ts";
import { parseJson, readText } from "./json-input.ts";
import { segment } from "./runs.ts";

/** Of an address that is the secret. */
const HIDDEN = "hidden";

export async function listEndpoints(cli: Cli): Promise<void> {
  const api = await cli.connect();
  const page = await api.json("GET", "/endpoints", EndpointPage);
  const now = cli.now();
  printPage(cli, page, ["ENDPOINT", "NAME", "CHECKS", "EVENTS", "CHANGED", "", "URL"], (one) => [
    one.id,
    one.name,
    one.verification.kind,
    String(one.targets.length),
    ago(one.updatedAt, now),
    one.enabled ? "" : { text: "disabled", style: "yellow" },
    one.path === null ? HIDDEN : `${api.url}${one.path}`,
  ]);
}

export async function showEndpoint(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const endpoint = await findEndpoint(api, input.arg(0));
  const isAsked = input.flag("address") && endpoint.path === null;
  const shown = isAsked ? await api.json("POST", `/endpoints/${segment(endpoint.id)}/address`, EndpointAddress) : {};
  print(cli, api, { ...endpoint, ...shown }, null);
}

export async function createEndpoint(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const body = await fieldsOf(api, input);
  const parsed = CreateEndpoint.safeParse({ targets: [], ...body });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ExitError(
      "usage",
      `${issue?.path.map(String).join(".") ?? "The endpoint"} ${issue?.message ?? "is not valid"}.`,
      "See cronium endpoints create --help.",
    );
  }
  const made = await api.json("POST", "/endpoints", EndpointWithSecret, { body: parsed.data });
  print(cli, api, made.endpoint, made.secret);
}

export async function updateEndpoint(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const change = await fieldsOf(api, input);
  const endpoint = await findEndpoint(api, input.arg(0));
  const enabled = input.flag("enable") ? true : input.flag("disable") ? false : undefined;
  const body = { ...change, ...(enabled === undefined ? {} : { enabled }), version: endpoint.version };
  print(cli, api, await api.json("PATCH", `/endpoints/${segment(endpoint.id)}`, EndpointSchema, { body }), null);
}

export async function deleteEndpoint(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const { id, name } = await findEndpoint(api, input.arg(0));
  await confirm(cli, input, `Delete the endpoint ${name}? Whoever sends to it is answered 404 from then on.`);
  await api.send("DELETE", `/endpoints/${segment(id)}`);
  if (cli.out.json) {
    cli.out.value({ endpointId: id, deleted: true });
  } else {
    cli.out.line(`${id}\tdeleted`);
  }
}

/** The new secret is made up unless stdin or a file brings one. */
export async function rotateSecret(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const { id } = await findEndpoint(api, input.arg(0));
  const keepOldMs = input.duration("keep-old");
  const secret = secretOf(input);
  const body = { ...(keepOldMs === undefined ? {} : { keepOldMs }), ...(secret === undefined ? {} : { secret }) };
  const made = await api.json("POST", `/endpoints/${segment(id)}/secret`, EndpointWithSecret, { body });
  print(cli, api, made.endpoint, made.secret);
}

/** Asks before: whoever sends to the address of now is answered 404 from then on. */
export async function rotateAddress(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const { id, name } = await findEndpoint(api, input.arg(0));
  await confirm(
    cli,
    input,
    `Give ${name} another address? Whoever sends to the one of now is answered 404 from then on.`,
  );
  print(cli, api, await api.json("POST", `/endpoints/${segment(id)}/address/rotate`, EndpointSchema), null);
}

export async function listenForTest(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const { id } = await findEndpoint(api, input.arg(0));
  const method = input.flag("stop") ? "DELETE" : "POST";
  const endpoint = await api.json(method, `/endpoints/${segment(id)}/listen`, EndpointSchema);
  if (cli.out.json) {
    cli.out.value(endpoint);
  } else if (endpoint.listensUntil === null) {
    cli.out.line(`${id}\tdoes not listen`);
  } else {
    cli.out.line(`${id}\tlistens until ${endpoint.listensUntil}`);
    cli.out.say("The next delivery starts nothing; see cronium deliveries list.");
  }
}

/** By id, or by a name that only one has. */
export async function findEndpoint(api: Api, named: string): Promise<Endpoint> {
  if (isId("endpoint", named)) {
    return api.json("GET", `/endpoints/${named}`, EndpointSchema);
  }
  const { items } = await api.json("GET", "/endpoints", EndpointPage);
  const [only, ...others] = items.filter(({ name }) => name === named);
  if (only === undefined) {
    throw new ExitError(
      "notFound",
      `There is no endpoint named ${JSON.stringify(named)}.`,
      "See cronium endpoints list.",
    );
  }
  if (others.length > 0) {
    throw new ExitError(
      "conflict",
      `${others.length + 1} endpoints are named ${JSON.stringify(named)}.`,
      "Name one by its id.",
    );
  }
  return only;
}

async function fieldsOf(api: Api, input: Input): Promise<Record<string, unknown>> {
  const file = input.text("file");
  const read = file === undefined ? {} : (parseJson(readText(file), file) as Record<string, unknown>);
  const events = await Promise.all(input.list("event").map((named) => eventId(api, named)));
  const [filter, mapping] = [input.text("filter"), input.text("mapping")];
  const waitMs = input.duration("wait");
  const secret = secretOf(input);
  const fields: Record<string, unknown> = {
    name: input.text("name"),
    targets:
      events.length === 0
        ? undefined
        : events.map((one) => ({ eventId: one, filter: filter ?? null, mapping: mapping ?? null })),
    verification: verificationOf(input),
    wait: waitMs === undefined ? (input.choice("wait") === false ? null : undefined) : { timeoutMs: waitMs },
    dedupe: dedupeFlags(input),
    secret,
  };
  return { ...read, ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) };
}

function verificationOf(input: Input): Record<string, unknown> | undefined {
  const kind = input.text("verify");
  const names = ["username", "header", "algorithm", "encoding", "prefix"] as const;
  const given = names.flatMap((name) => {
    const value = input.text(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const [first] = given;
  if (kind === undefined && first !== undefined) {
    throw new ExitError("usage", `--${first[0]} goes with --verify.`, "Say --verify hmac, or --verify basic.");
  }
  return kind === undefined ? undefined : { kind, ...Object.fromEntries(given) };
}

/** Never from the command line, where others of the machine can read it. */
function secretOf(input: Input): string | undefined {
  const file = input.text("secret-file");
  return file === undefined ? undefined : readText(file).replace(/\n$/, "");
}

function print({ out }: Cli, api: Api, endpoint: Endpoint, secret: string | null): void {
  if (out.json) {
    out.value({ endpoint, secret });
    return;
  }
  printFacts(out, [
    ["endpoint", endpoint.id],
    ["name", endpoint.name],
    ["url", endpoint.path === null ? `${HIDDEN}: it is the secret; see --address` : `${api.url}${endpoint.path}`],
    ...(secret === null ? [] : [["secret", secret] as [string, string]]),
    ["checks", endpoint.verification.kind],
    ["events", endpoint.targets.map((one) => one.eventId).join(", ") || "none"],
    ["repeats by", repeatsBy(endpoint)],
    ["senders", endpoint.wait === null ? "do not wait" : `wait up to ${endpoint.wait.timeoutMs} ms for the result`],
    ["enabled", endpoint.enabled ? "yes" : "no"],
    ["version", String(endpoint.version)],
  ]);
  if (secret !== null) {
    out.say("The secret is shown this once.");
  }
}

function repeatsBy({ dedupe }: Endpoint): string {
  switch (dedupe?.by) {
    case "header":
      return `header ${dedupe.header}`;
    case "field":
      return `field ${dedupe.pointer}`;
    case "body":
      return `body, within ${dedupe.windowMs} ms`;
    case "none":
      return "nothing";
    case undefined:
      return "what the check names, else the body";
  }
}

import { errorCodes, errorStatus, type ErrorCode } from "@cronium/protocol/errors";
import { beforeAll, test } from "vitest";
import * as z from "zod";
import { createApp } from "../../src/http/app.ts";
import { addWorkspace, claim, cookieOf, deps, ORIGIN, registration, send, setUp } from "./installation.ts";
import { Chance, makeValue, type Known } from "./fuzz.ts";

/** Each route gets as many requests as this. */
const REQUESTS = 24;

const Problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(errorCodes),
  detail: z.string().min(1),
  hint: z.string().min(1),
  errors: z.array(z.strictObject({ pointer: z.string(), code: z.enum(errorCodes), message: z.string().min(1) })),
  request_id: z.string().min(1),
});

interface FuzzedRoute {
  readonly method: string;
  readonly path: string;
  readonly params: z.core.$ZodType | undefined;
  readonly query: z.core.$ZodType | undefined;
  readonly body: z.core.$ZodType | undefined;
  readonly answers: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: unknown }>> }>>;
}

const routes: readonly FuzzedRoute[] = createApp(deps).openAPIRegistry.definitions.flatMap((definition) => {
  if (definition.type !== "route") {
    return [];
  }
  const { method, path, request, responses } = definition.route;
  const media = request?.body?.content["application/json"] as { readonly schema: object } | undefined;
  return [
    {
      method: method.toUpperCase(),
      path,
      params: request?.params as z.core.$ZodType | undefined,
      query: request?.query as z.core.$ZodType | undefined,
      body: media !== undefined && "_zod" in media.schema ? (media.schema as z.core.$ZodType) : undefined,
      answers: responses as FuzzedRoute["answers"],
    },
  ];
});

/** Routes that did what they were asked at least once. */
const succeeded = new Set<string>();

let key: string;
let cookie: string;
let known: Known;

beforeAll(async () => {
  await setUp();
  const workspace = await addWorkspace();
  key = await workspace.keyFor("owner");
  cookie = cookieOf(await claim(workspace.claimToken, "fuzz@example.org"));
  const make = async (path: string, body: object): Promise<Record<string, string>> =>
    (await send("POST", `/api/v1${path}`, { key, body })).json();
  const event = await make("/events", { name: "Fuzzed", kind: "script", runtime: "bash", script: "true" });
  const run = await make(`/events/${event["id"]}/runs`, {});
  const account = await make("/service-accounts", { name: "fuzz", role: "viewer" });
  const token = await make("/registration-tokens", {});
  const runner = await make("/runner/register", registration(token["token"] ?? ""));
  const daily = { eventId: event["id"], timing: { kind: "interval", everyMs: 86_400_000 } };
  const schedule = await make("/schedules", daily);
  const secret = await make("/secrets", { name: "FUZZED", value: "not shown" });
  const variable = await make("/variables", { name: "FUZZED", value: "x" });
  const { endpoint } = (await make("/endpoints", { name: "Fuzzed", targets: [] })) as unknown as {
    endpoint: { id: string };
  };
  known = [
    ...[event["id"], run["runId"], account["id"], runner["runnerId"], workspace.workspaceId, "default"],
    ...[schedule["id"], secret["id"], variable["id"], endpoint.id],
  ].filter((id) => id !== undefined);
});

/** What is wrong with the answer, or null. */
async function faultOf(route: FuzzedRoute, response: Response): Promise<string | null> {
  if (response.status === 101) {
    response.webSocket?.accept();
    response.webSocket?.close(1000, "done");
    return null;
  }
  const type = response.headers.get("content-type") ?? "";
  const text = new TextDecoder().decode(await response.arrayBuffer());
  if (response.status >= 500) {
    return `${response.status}: ${text.slice(0, 300)}`;
  }
  if (response.status >= 400) {
    if (type !== "application/problem+json") {
      // OAuth has errors of its own form: RFC 6749, section 5.2.
      return route.path.startsWith("/api/v1/device/") && "error" in (JSON.parse(text) as object)
        ? null
        : `an error as ${type}`;
    }
    const problem = Problem.safeParse(JSON.parse(text));
    if (!problem.success) {
      return `no problem: ${z.prettifyError(problem.error)}`;
    }
    const code: ErrorCode = problem.data.code;
    return problem.data.status === response.status && errorStatus[code] === response.status
      ? null
      : `${code} with status ${response.status}`;
  }
  const answer = route.answers[String(response.status)];
  if (answer === undefined) {
    return `${response.status} is not in the contract`;
  }
  const schema = answer.content?.["application/json"]?.schema;
  if (schema === undefined || schema === null || typeof schema !== "object" || !("_zod" in schema)) {
    return null;
  }
  const parsed = z.safeParse(schema as z.core.$ZodType, JSON.parse(text));
  return parsed.success ? null : `not what the contract says: ${z.prettifyError(parsed.error).slice(0, 300)}`;
}

/** Empty where the whole came out as something that has no fields. */
function fieldsOf(schema: z.core.$ZodType | undefined, chance: Chance): Readonly<Record<string, unknown>> {
  const value = schema === undefined ? null : makeValue(schema, chance, known);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function addressOf(route: FuzzedRoute, chance: Chance): string {
  const params = fieldsOf(route.params, chance);
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(String(params[name])));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fieldsOf(route.query, chance))) {
    query.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return `${path}?${query.toString()}`;
}

/** What takes something away comes late, and last what leaves nothing for the others. */
const lateness = ({ method, path }: FuzzedRoute): number =>
  path.endsWith("/workspace/deletion") ? 2 : method === "DELETE" ? 1 : 0;
const inOrder = routes.toSorted((a, b) => lateness(a) - lateness(b));

test.for(inOrder.map((route) => [`${route.method} ${route.path}`, route] as const))(
  "%s never fails, and answers as the contract says, whatever it is asked",
  async ([name, route], { expect }) => {
    // Its own place in the list is the seed of a route.
    const chance = new Chance(routes.indexOf(route));
    const faults: string[] = [];
    for (let i = 0; i < REQUESTS; i += 1) {
      const address = addressOf(route, chance);
      const body = route.body === undefined ? undefined : makeValue(route.body, chance, known);
      const isSocket = route.answers["101"] !== undefined;
      const response = await send(route.method, address, {
        ...(chance.happens(0.5) ? { key } : { cookie }),
        ...(body === undefined ? {} : { body }),
        headers: { origin: ORIGIN, ...(isSocket && chance.happens(0.7) ? { upgrade: "websocket" } : {}) },
      });
      if (response.status < 300) {
        succeeded.add(name);
      }
      const fault = await faultOf(route, response);
      if (fault !== null) {
        faults.push(`${route.method} ${address} ${JSON.stringify(body)?.slice(0, 400)}\n  → ${fault}`);
      }
    }
    expect(faults.slice(0, 3).join("\n")).toBe("");
  },
);

test("the requests are good enough to get past the checks of most routes", ({ expect }) => {
  expect(succeeded.size).toBeGreaterThan(routes.length / 2);
});

/**
 * A webhook arrives: whose it is, whether it is genuine, which inputs it makes, and then one call of home that stores it
 * with its runs. The sender is answered when that is durable, and the same on each repeat.
 */
import type { DeliveryVerdict, EndpointTarget, HookAnswer, Run, RunOrigin } from "@cronium/protocol";
import { AppError, type ErrorCode } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import type { Json } from "@cronium/protocol/json";
import { MAX_INPUT_BYTES } from "@cronium/protocol/limits";
import { isTerminal } from "@cronium/protocol/run-states";
import { createHash } from "node:crypto";
import { openSecret } from "../auth/secret-box.ts";
import { hashToken } from "../auth/token-hash.ts";
import { isGenuine } from "../auth/webhook-signature.ts";
import type { Deps } from "../deps.ts";
import type { EnqueueCommand } from "../domain/dispatcher.ts";
import { compileExpression } from "../domain/expression.ts";
import { dedupeOf, keptHeaders, packArrival, readArrived, type Arrival } from "../domain/webhooks/arrival.ts";
import type { Delivered, DeliverCommand, HookWish } from "../domain/webhooks/hooks-api.ts";
import type { KnownHook } from "../domain/webhooks/hook-cache.ts";
import { compileMapping } from "../domain/webhooks/mapping.ts";
import { findEndpointRoute } from "../store/endpoint-routes.ts";
import { FILTER_VARIABLES } from "./endpoints.ts";
import { refused, unwrap } from "./outcome.ts";
import { follow } from "./placement.ts";
import { findRun } from "./runs.ts";

const TOKEN = /^[0-9a-f]{40}$/;
/** An endpoint that is changed this often while one delivery is worked through is changed without end. */
const TRIES = 3;
const WAIT_FIRST_MS = 20;
const WAIT_MOST_MS = 500;

/** Throws `not_found` for an address that leads nowhere; `quota_exceeded` while the workspace's triggers are used up. */
export async function findHook(deps: Deps, token: string): Promise<KnownHook> {
  const hash = await hashToken(token);
  let hook = deps.hooks.get(hash);
  if (hook === undefined) {
    hook = TOKEN.test(token) ? await lookUp(deps, hash) : null;
    deps.hooks.put(hash, hook);
  }
  if (hook === null || hook.rule === null) {
    throw new AppError("not_found", "There is no endpoint at this address.");
  }
  const held = deps.heldTriggers.of(hook.workspaceId);
  if (held !== null) {
    await deps.heldTriggers.leisure(hook.workspaceId, (ms) => new Promise((resolve) => setTimeout(resolve, ms)));
    throw refused(held);
  }
  return hook;
}

async function lookUp(deps: Deps, hash: string): Promise<KnownHook | null> {
  const route = await findEndpointRoute(deps.d1, hash);
  if (route === null) {
    return null;
  }
  const rule = await deps.dispatcherFor(route.workspaceId).hookRule(route.endpointId, hash);
  const secrets = (rule?.boxes ?? []).flatMap(({ box, until }) => {
    const place = { workspaceId: route.workspaceId, secretId: route.endpointId };
    const opened = openSecret(deps.config.secretKeys, place, box);
    if (!opened.ok) {
      deps.log.error("endpoint.secret_unreadable", { endpointId: route.endpointId, why: opened.why });
    }
    return opened.ok ? [{ value: opened.value, until }] : [];
  });
  return { ...route, rule, secrets };
}

export interface Arrived {
  readonly token: string;
  readonly method: string;
  readonly headers: Headers;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What the sender is told: a challenge to be sent back, or the answer. */
export type HookReply =
  | { readonly kind: "challenge"; readonly challenge: string }
  | { readonly kind: "answer"; readonly status: 200 | 202; readonly answer: HookAnswer };

export async function takeHook(deps: Deps, hook: KnownHook, arrived: Arrived): Promise<HookReply> {
  let known = hook;
  for (let tries = 1; ; tries += 1) {
    try {
      return await takeOnce(deps, known, arrived);
    } catch (error) {
      // The endpoint was changed within the seconds that it is remembered: it is read again.
      if (!(error instanceof AppError) || error.code !== "version_conflict" || tries === TRIES) {
        throw error;
      }
      deps.hooks.forget(await hashToken(arrived.token));
      known = await findHook(deps, arrived.token);
    }
  }
}

async function takeOnce(deps: Deps, hook: KnownHook, arrived: Arrived): Promise<HookReply> {
  const { rule, endpointId } = hook;
  if (rule === null) {
    throw new AppError("not_found", "There is no endpoint at this address.");
  }
  const { verification, enabled, name } = rule.endpoint;
  if (!enabled) {
    throw new AppError("endpoint_disabled", `The endpoint ${name} is disabled; nothing was stored.`);
  }
  const nowS = Math.floor(deps.clock.now() / 1_000);
  const secrets = hook.secrets.filter(({ until }) => until === null || until > deps.clock.now());
  const signed = { header: (one: string) => arrived.headers.get(one), body: arrived.body, nowS };
  const isKnown = isGenuine(
    verification,
    secrets.map(({ value }) => value),
    signed,
  );
  if (!isKnown) {
    await noteRefused(deps, hook, "invalid_signature", null);
    throw new AppError("invalid_signature", "The signature or credential of this request is missing or not valid.");
  }
  const arrival: Arrival = {
    method: arrived.method,
    headers: keptHeaders(arrived.headers),
    query: arrived.query,
    body: arrived.body,
  };
  const body = await readBody(deps, hook, arrival);
  const challenge = verification.kind === "slack" ? challengeOf(body) : null;
  if (challenge !== null) {
    return { kind: "challenge", challenge };
  }
  const bodyHash = createHash("sha256").update(arrived.body).digest("hex");
  const deliveryId = makeId("delivery", deps.clock.now(), deps.ids.random(10));
  const dedupe = dedupeOf(verification, rule.endpoint.dedupe, arrival, body, bodyHash);
  const causes = dedupe === null || dedupe.windowMs !== null ? deliveryId : `${endpointId} ${dedupe.key}`;
  const command: DeliverCommand = {
    ...factsOf(hook, arrival),
    deliveryId,
    dedupe,
    packed: packArrival(arrival),
    original: null,
    wishes: await wishesOf(deps, rule.endpoint.targets, arrival, body, causes, {
      type: "webhook",
      endpointId,
      endpointName: name,
      deliveryId,
    }),
  };
  const answer = await deliver(deps, hook, command);
  return answerTo(deps, hook, answer);
}

export function factsOf(
  { endpointId, rule }: KnownHook,
  { method, headers, body }: Arrival,
): Pick<DeliverCommand, "endpointId" | "version" | "method" | "contentType" | "sizeBytes"> {
  const contentType = (headers["content-type"] ?? "").slice(0, 200);
  return { endpointId, version: rule?.endpoint.version ?? 0, method, contentType, sizeBytes: body.length };
}

async function readBody(deps: Deps, hook: KnownHook, arrival: Arrival): Promise<Json> {
  try {
    return readArrived(arrival);
  } catch (error) {
    if (error instanceof AppError) {
      await noteRefused(deps, hook, "invalid_body", error.message);
    }
    throw error;
  }
}

/** A flood of refusals costs its Dispatcher one call a second. */
async function noteRefused(
  deps: Deps,
  { workspaceId, endpointId }: KnownHook,
  verdict: "invalid_signature" | "invalid_body",
  message: string | null,
): Promise<void> {
  const count = deps.hooks.refused(`${endpointId} ${verdict}`);
  if (count > 0) {
    const deliveryId = makeId("delivery", deps.clock.now(), deps.ids.random(10));
    await deps.dispatcherFor(workspaceId).noteRefused({ endpointId, verdict, message, count, deliveryId });
  }
}

/** Slack sends it when the address is entered. */
function challengeOf(body: Json): string | null {
  const { type, challenge } = (typeof body === "object" && body !== null && !Array.isArray(body) ? body : {}) as {
    readonly type?: Json;
    readonly challenge?: Json;
  };
  return type === "url_verification" && typeof challenge === "string" && challenge.length <= 500 ? challenge : null;
}

export async function wishesOf(
  deps: Deps,
  targets: readonly EndpointTarget[],
  { method, headers, query }: Omit<Arrival, "body">,
  body: Json,
  causes: string,
  origin: RunOrigin,
): Promise<HookWish[]> {
  const data = { body, headers, query, method };
  return Promise.all(
    targets.map(async ({ eventId, ...rules }, i): Promise<HookWish> => {
      const worked = await workOut(rules, data);
      if ("verdict" in worked) {
        return { eventId, ...worked };
      }
      const runId = makeId("run", deps.clock.now(), deps.ids.random(10));
      const command: EnqueueCommand = {
        runId,
        causeKey: `hook ${causes} ${i}`,
        bodyHash: "",
        trigger: "webhook",
        input: worked.input,
        options: {},
        target: { kind: "event", eventId },
        origin,
      };
      return { eventId, command };
    }),
  );
}

/** What a filter and a mapping make of an arrival: an input, or why there is none. */
export async function workOut(
  { filter, mapping }: Omit<EndpointTarget, "eventId">,
  data: Readonly<Record<"body" | "headers" | "query" | "method", Json>>,
): Promise<{ readonly input: Json } | NotStarted> {
  const { body, headers, query } = data;
  const passes = filter === null ? true : passesFilter(filter, { body, headers, query });
  if (passes !== true) {
    return passes === false ? { verdict: "filtered", message: null } : passes;
  }
  const made = await inputOf(mapping, data);
  return made.ok ? { input: made.value } : { verdict: "mapping_failed", message: `The mapping ${made.message}.` };
}

interface NotStarted {
  readonly verdict: "filtered" | "filter_failed" | "mapping_failed";
  readonly message: string | null;
}

function passesFilter(
  filter: string,
  data: Readonly<Record<(typeof FILTER_VARIABLES)[number], Json>>,
): boolean | NotStarted {
  const compiled = compileExpression(filter, FILTER_VARIABLES);
  const result = compiled.ok ? compiled.expression.evaluate(data) : compiled;
  if (!result.ok) {
    return { verdict: "filter_failed", message: `The filter has no answer: ${result.message}.` };
  }
  return typeof result.value === "boolean"
    ? result.value
    : { verdict: "filter_failed", message: "The filter gave something other than true or false." };
}

async function inputOf(
  mapping: string | null,
  data: { readonly body: Json } & Readonly<Record<string, Json>>,
): Promise<{ readonly ok: true; readonly value: Json } | { readonly ok: false; readonly message: string }> {
  if (mapping === null) {
    return { ok: true, value: data.body };
  }
  const compiled = compileMapping(mapping);
  const result = compiled.ok ? await compiled.mapping.evaluate(data) : compiled;
  if (!result.ok) {
    return { ok: false, message: `made no input: ${result.message}` };
  }
  return new TextEncoder().encode(JSON.stringify(result.value)).length > MAX_INPUT_BYTES
    ? { ok: false, message: `made an input of more than ${MAX_INPUT_BYTES} bytes` }
    : result;
}

/** Throws what the Dispatcher refuses. Runs of shards are there when this resolves. */
export async function deliver(
  deps: Deps,
  { workspaceId }: Pick<KnownHook, "workspaceId">,
  command: DeliverCommand,
): Promise<Delivered> {
  const home = deps.dispatcherFor(workspaceId);
  const outcome = await home.deliver(command);
  if (!outcome.ok) {
    deps.heldTriggers.note(workspaceId, outcome);
    throw refused(outcome);
  }
  const { placed } = outcome.value;
  if (placed.length > 0) {
    const commands = placed.map((one) => one.command);
    const made = await follow(
      deps,
      workspaceId,
      commands,
      placed.map((one) => one.outcome),
      async (again) => unwrap(await home.enqueueBatch({ commands: again, cause: { key: null, bodyHash: "" } })),
    );
    for (const one of made) {
      unwrap(one);
    }
  }
  return outcome.value;
}

const failures: Partial<Record<DeliveryVerdict, ErrorCode>> = {
  filter_failed: "expression_failed",
  mapping_failed: "mapping_failed",
  invalid_input: "invalid_input",
  event_disabled: "endpoint_disabled",
};

export function answerOf({ deliveryId, verdict, runs }: Delivered): HookAnswer {
  return { deliveryId, verdict, runId: runs.find(({ runId }) => runId !== null)?.runId ?? null, runs: [...runs] };
}

async function answerTo(deps: Deps, hook: KnownHook, delivered: Delivered): Promise<HookReply> {
  const code = failures[delivered.verdict];
  if (code !== undefined) {
    throw new AppError(code, delivered.message ?? "It made no run.", { context: { deliveryId: delivered.deliveryId } });
  }
  const answer = answerOf(delivered);
  const wait = hook.rule?.endpoint.wait ?? null;
  const run = wait === null || answer.runId === null ? null : await endOf(deps, hook, answer.runId, wait.timeoutMs);
  return run === null
    ? { kind: "answer", status: 202, answer }
    : { kind: "answer", status: 200, answer: { ...answer, state: run.state, output: run.output } };
}

/** Null when it has not ended in time. */
async function endOf(deps: Deps, { workspaceId }: KnownHook, runId: string, timeoutMs: number): Promise<Run | null> {
  const deadline = deps.clock.now() + timeoutMs;
  for (let pause = WAIT_FIRST_MS; ; pause = Math.min(WAIT_MOST_MS, pause * 1.5)) {
    const run = await findRun(deps, workspaceId, runId);
    if (run === null || isTerminal(run.state)) {
      return run;
    }
    const left = deadline - deps.clock.now();
    if (left <= 0) {
      return null;
    }
    await scheduler.wait(Math.min(pause, left));
  }
}

/** Endpoints: written in the Dispatcher; D1 is told which workspace an address belongs to before anybody learns of it. */
import type {
  CreateEndpoint,
  Endpoint,
  EndpointAddress,
  EndpointTarget,
  EndpointWithSecret,
  RotateEndpointSecret,
  UpdateEndpoint,
  Verification,
} from "@cronium/protocol";
import { AppError, type FieldError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { openSecret, sealSecret } from "../auth/secret-box.ts";
import { hashToken } from "../auth/token-hash.ts";
import { makeSecret, whyNotSecret } from "../auth/webhook-signature.ts";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { compileExpression } from "../domain/expression.ts";
import type { HookRule } from "../domain/webhooks/hooks-api.ts";
import { compileMapping } from "../domain/webhooks/mapping.ts";
import { deleteEndpointRoute, putEndpointRoute } from "../store/endpoint-routes.ts";
import { requireProof } from "./account-audit.ts";
import { unwrap } from "./outcome.ts";

const TOKEN_BYTES = 20;
const LISTEN_MS = 600_000;
export const FILTER_VARIABLES = ["body", "headers", "query"] as const;

export async function listEndpoints(
  deps: Deps,
  actor: Actor,
): Promise<{ readonly items: Endpoint[]; readonly nextCursor: null }> {
  return { items: [...(await deps.dispatcherFor(actor.workspaceId).listEndpoints())], nextCursor: null };
}

export async function getEndpoint(deps: Deps, actor: Actor, endpointId: string): Promise<Endpoint> {
  const endpoint = await deps.dispatcherFor(actor.workspaceId).getEndpoint(endpointId);
  if (endpoint === null) {
    throw noEndpoint(endpointId);
  }
  return endpoint;
}

function noEndpoint(endpointId: string): AppError {
  return new AppError("not_found", `There is no endpoint ${endpointId}.`);
}

/** Throws `invalid_expression`, `invalid_mapping`, `invalid_value`. The secret is in the answer where it was made up. */
export async function createEndpoint(
  deps: Deps,
  act: Act,
  { secret: given, ...endpoint }: CreateEndpoint,
): Promise<EndpointWithSecret> {
  const { workspaceId } = act.actor;
  checkTargets(endpoint.targets);
  checkSecret(endpoint.verification, given);
  const now = deps.clock.now();
  const endpointId = makeId("endpoint", now, deps.ids.random(10));
  const token = makeToken(deps);
  const made = given === undefined ? makeSecret(endpoint.verification, deps.ids.random) : null;
  const secret = given ?? made;
  const box = secret === null ? null : seal(deps, workspaceId, endpointId, secret);
  // An address that leads to no endpoint is as none: home does not know it.
  const hash = await hashToken(token);
  await putEndpointRoute(deps.d1, { hash, workspaceId, endpointId, now });
  const outcome = await deps.dispatcherFor(workspaceId).createEndpoint({
    endpointId,
    hash,
    address: seal(deps, workspaceId, endpointId, token),
    endpoint,
    box,
    by: stampOf(act),
  });
  if (!outcome.ok) {
    await deleteEndpointRoute(deps.d1, hash);
  }
  return { endpoint: { ...unwrap(outcome), path: `/hooks/${token}` }, secret: made };
}

export async function updateEndpoint(
  deps: Deps,
  act: Act,
  endpointId: string,
  { secret, ...change }: UpdateEndpoint,
): Promise<Endpoint> {
  checkTargets(change.targets ?? []);
  const { workspaceId } = act.actor;
  const home = deps.dispatcherFor(workspaceId);
  if (secret !== undefined || change.verification !== undefined) {
    checkSecretOf(deps, workspaceId, await home.hookRule(endpointId), { endpointId, secret, ...change });
  }
  const box = secret === undefined ? null : seal(deps, workspaceId, endpointId, secret);
  const outcome = await home.updateEndpoint({ endpointId, change, box, by: stampOf(act) });
  return forgetting(deps, unwrap(outcome));
}

/** A new kind of verification needs a secret that it can use: the one of now, or one that comes with it. */
function checkSecretOf(
  deps: Deps,
  workspaceId: string,
  rule: HookRule | null,
  {
    endpointId,
    secret,
    verification = rule?.endpoint.verification,
  }: { readonly endpointId: string; readonly secret: string | undefined } & Pick<UpdateEndpoint, "verification">,
): void {
  if (rule === null || verification === undefined) {
    throw noEndpoint(endpointId);
  }
  if (verification.kind === "none") {
    if (secret !== undefined) {
      throw badSecret("must be absent: this kind of verification has none");
    }
    return;
  }
  if (secret !== undefined) {
    checkSecret(verification, secret);
    return;
  }
  const box = rule.boxes.find(({ until }) => until === null)?.box;
  const opened =
    box === undefined ? null : openSecret(deps.config.secretKeys, { workspaceId, secretId: endpointId }, box);
  if (opened?.ok !== true) {
    throw badSecret("is needed for this kind of verification: the endpoint has none yet");
  }
  const why = whyNotSecret(verification, opened.value);
  if (why !== null) {
    throw badSecret(`is needed for this kind of verification, which the one of now does not suit: it ${why}`);
  }
}

/** Throws `proof_required`: where nothing else is checked, whoever knows the address can send. */
export async function showAddress(deps: Deps, act: Act, endpointId: string): Promise<EndpointAddress> {
  requireProof(deps, act.actor);
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).showAddress({ endpointId, by: stampOf(act) }));
}

/** The address of before leads nowhere from then on; the one of now is in the answer, whatever the kind. */
export async function rotateAddress(deps: Deps, act: Act, endpointId: string): Promise<Endpoint> {
  const { workspaceId } = act.actor;
  const token = makeToken(deps);
  const hash = await hashToken(token);
  await putEndpointRoute(deps.d1, { hash, workspaceId, endpointId, now: deps.clock.now() });
  const address = seal(deps, workspaceId, endpointId, token);
  const outcome = await deps.dispatcherFor(workspaceId).rotateAddress({ endpointId, hash, address, by: stampOf(act) });
  if (!outcome.ok) {
    await deleteEndpointRoute(deps.d1, hash);
  }
  const { endpoint, before } = unwrap(outcome);
  if (before !== null) {
    await deleteEndpointRoute(deps.d1, before);
  }
  return { ...forgetting(deps, endpoint), path: `/hooks/${token}` };
}

/** The one before stays good for `keepOldMs`. */
export async function rotateEndpointSecret(
  deps: Deps,
  act: Act,
  endpointId: string,
  { secret: given, keepOldMs }: RotateEndpointSecret,
): Promise<EndpointWithSecret> {
  const { workspaceId } = act.actor;
  const { verification } = await getEndpoint(deps, act.actor, endpointId);
  checkSecret(verification, given);
  const made = given === undefined ? makeSecret(verification, deps.ids.random) : null;
  const secret = given ?? made;
  if (secret === null) {
    throw badSecret("is needed: this endpoint checks nothing, so none can be made up for it");
  }
  const box = seal(deps, workspaceId, endpointId, secret);
  const outcome = await deps
    .dispatcherFor(workspaceId)
    .rotateEndpointSecret({ endpointId, box, keepOldMs, by: stampOf(act) });
  return { endpoint: forgetting(deps, unwrap(outcome)), secret: made };
}

export async function deleteEndpoint(deps: Deps, act: Act, endpointId: string): Promise<void> {
  const outcome = await deps.dispatcherFor(act.actor.workspaceId).deleteEndpoint({ endpointId, by: stampOf(act) });
  const { hash } = unwrap(outcome);
  deps.hooks.forget(hash);
  await deleteEndpointRoute(deps.d1, hash);
}

/** For ten minutes, or until the next delivery. */
export async function listenAtEndpoint(deps: Deps, act: Act, endpointId: string, on: boolean): Promise<Endpoint> {
  const forMs = on ? LISTEN_MS : 0;
  const outcome = await deps
    .dispatcherFor(act.actor.workspaceId)
    .listenAtEndpoint({ endpointId, forMs, by: stampOf(act) });
  return unwrap(outcome);
}

function forgetting(deps: Deps, endpoint: Endpoint): Endpoint {
  deps.hooks.forgetEndpoint(endpoint.id);
  return endpoint;
}

function makeToken(deps: Deps): string {
  return Buffer.from(deps.ids.random(TOKEN_BYTES)).toString("hex");
}

function seal(deps: Deps, workspaceId: string, endpointId: string, secret: string): string {
  return sealSecret(deps.config.secretKeys, { workspaceId, secretId: endpointId }, secret, deps.ids.random);
}

function checkSecret(verification: Verification, secret: string | undefined): void {
  const why = secret === undefined ? null : whyNotSecret(verification, secret);
  if (why !== null) {
    throw badSecret(why);
  }
}

function badSecret(message: string): AppError {
  const errors = [{ pointer: "/secret", code: "invalid_value" as const, message }];
  return new AppError("invalid_value", `/secret ${message}.`, { errors });
}

function checkTargets(targets: readonly EndpointTarget[]): void {
  const errors = targets.flatMap(({ filter, mapping }, i): FieldError[] => {
    const compiled = filter === null ? null : compileExpression(filter, FILTER_VARIABLES);
    const mapped = mapping === null ? null : compileMapping(mapping);
    return [
      ...(compiled === null || compiled.ok
        ? []
        : [
            {
              pointer: `/targets/${i}/filter`,
              code: "invalid_expression" as const,
              message: `is not accepted: ${compiled.message} (at character ${compiled.position})`,
            },
          ]),
      ...(mapped === null || mapped.ok
        ? []
        : [
            {
              pointer: `/targets/${i}/mapping`,
              code: "invalid_mapping" as const,
              message: `is not accepted: ${mapped.message}${mapped.position === null ? "" : ` (at character ${mapped.position})`}`,
            },
          ]),
    ];
  });
  const [first] = errors;
  if (first !== undefined) {
    throw new AppError(first.code, `${first.pointer} ${first.message}.`, { errors });
  }
}

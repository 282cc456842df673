/** Endpoints: written in the Dispatcher; D1 is told which workspace an address belongs to before anybody learns of it. */
import type {
  CreateEndpoint,
  Endpoint,
  EndpointTarget,
  EndpointWithSecret,
  RotateEndpointSecret,
  UpdateEndpoint,
  Verification,
} from "@cronium/protocol";
import { AppError, type FieldError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { sealSecret } from "../auth/secret-box.ts";
import { hashToken } from "../auth/token-hash.ts";
import { makeSecret, whyNotSecret } from "../auth/webhook-signature.ts";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { compileExpression } from "../domain/expression.ts";
import { compileMapping } from "../domain/webhooks/mapping.ts";
import { deleteEndpointRoute, putEndpointRoute } from "../store/endpoint-routes.ts";
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
    throw new AppError("not_found", `There is no endpoint ${endpointId}.`);
  }
  return endpoint;
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
  const token = Buffer.from(deps.ids.random(TOKEN_BYTES)).toString("hex");
  const made = given === undefined ? makeSecret(endpoint.verification, deps.ids.random) : null;
  const secret = given ?? made;
  const box = secret === null ? null : seal(deps, workspaceId, endpointId, secret);
  // An address that leads to no endpoint is as none: home does not know it.
  await putEndpointRoute(deps.d1, { hash: await hashToken(token), workspaceId, endpointId, now });
  const outcome = await deps
    .dispatcherFor(workspaceId)
    .createEndpoint({ endpointId, token, endpoint, box, by: stampOf(act) });
  if (!outcome.ok) {
    await deleteEndpointRoute(deps.d1, await hashToken(token));
  }
  return { endpoint: unwrap(outcome), secret: made };
}

export async function updateEndpoint(
  deps: Deps,
  act: Act,
  endpointId: string,
  change: UpdateEndpoint,
): Promise<Endpoint> {
  checkTargets(change.targets ?? []);
  if (change.verification !== undefined && change.verification.kind !== "none") {
    const { secretSetAt } = await getEndpoint(deps, act.actor, endpointId);
    if (secretSetAt === null) {
      throw new AppError("invalid_value", "The endpoint has no secret yet. Give it one with POST …/secret first.", {
        errors: [{ pointer: "/verification/kind", code: "invalid_value", message: "needs a secret" }],
      });
    }
  }
  const { workspaceId } = act.actor;
  const outcome = await deps.dispatcherFor(workspaceId).updateEndpoint({ endpointId, change, by: stampOf(act) });
  return forgetting(deps, unwrap(outcome));
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
  const made = given === undefined ? (makeSecret(verification, deps.ids.random) ?? "") : null;
  const box = seal(deps, workspaceId, endpointId, given ?? made ?? "");
  const outcome = await deps
    .dispatcherFor(workspaceId)
    .rotateEndpointSecret({ endpointId, box, keepOldMs, by: stampOf(act) });
  return { endpoint: await forgetting(deps, unwrap(outcome)), secret: made };
}

export async function deleteEndpoint(deps: Deps, act: Act, endpointId: string): Promise<void> {
  const outcome = await deps.dispatcherFor(act.actor.workspaceId).deleteEndpoint({ endpointId, by: stampOf(act) });
  const hash = await hashToken(unwrap(outcome).token);
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

async function forgetting(deps: Deps, endpoint: Endpoint): Promise<Endpoint> {
  deps.hooks.forget(await hashToken(endpoint.path.split("/").at(-1) ?? ""));
  return endpoint;
}

function seal(deps: Deps, workspaceId: string, endpointId: string, secret: string): string {
  return sealSecret(deps.config.secretKeys, { workspaceId, secretId: endpointId }, secret, deps.ids.random);
}

function checkSecret(verification: Verification, secret: string | undefined): void {
  const why = secret === undefined ? null : whyNotSecret(verification, secret);
  if (why !== null) {
    const errors = [{ pointer: "/secret", code: "invalid_value" as const, message: why }];
    throw new AppError("invalid_value", `/secret ${why}.`, { errors });
  }
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

/** Bringing runners in: registration tokens, and the one request that trades a token for an identity. */
import type { CreateRegistrationToken, RegisterRequest, RegisterResponse, RegistrationToken } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { isWholeToken, makeToken } from "@cronium/protocol/token";
import { negotiate } from "@cronium/protocol/version";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import { actorId, type Actor } from "../domain/actor.ts";
import { insertRegistrationToken } from "../store/registration-tokens.ts";
import { enrolRunner, type Enrolled } from "../store/runner-credentials.ts";

/** `url` is the address under which the new machine reaches this installation. */
export async function createRegistrationToken(
  deps: Deps,
  actor: Actor,
  input: CreateRegistrationToken,
  url: string,
): Promise<RegistrationToken> {
  const now = deps.clock.now();
  const token = makeToken("registration", deps.ids.random(32), url);
  const id = makeId("registrationToken", now, deps.ids.random(10));
  const expiresAt = now + input.expiresInSeconds * 1_000;
  await insertRegistrationToken(deps.db, {
    id,
    workspaceId: actor.workspaceId,
    hash: await hashToken(token),
    labels: input.labels,
    createdBy: actorId(actor),
    createdAt: now,
    expiresAt,
  });
  return {
    id,
    token,
    expiresAt: new Date(expiresAt).toISOString(),
    installCommand: `npx --yes ${url}/install/cronium-runner.tgz --token ${token}`,
  };
}

/**
 * Trades a token for a runner's identity. Throws `malformed_token`, `upgrade_required`, one and the same
 * `invalid_registration_token` for every token that is not usable, or `name_taken`, which leaves the token usable.
 */
export async function registerRunner(deps: Deps, request: RegisterRequest): Promise<RegisterResponse> {
  if (!isWholeToken("registration", request.token)) {
    throw new AppError("malformed_token", "The registration token is cut off or changed.");
  }
  const negotiated = negotiate(request.protocol);
  if (!negotiated.ok) {
    throw new AppError("upgrade_required", negotiated.message);
  }
  const enrolled = await enrol(deps, request);
  if (enrolled === null) {
    throw new AppError("invalid_registration_token", "This registration token is not usable.");
  }
  const { runnerId, workspaceId } = enrolled;
  // What the token says wins: a machine cannot give itself labels that its token denies it.
  const labels = { ...request.labels, ...enrolled.labels };
  const outcome = await deps.dispatcherFor(workspaceId).registerRunner({
    runnerId,
    name: request.name,
    labels,
    version: request.version,
    platform: request.platform,
  });
  if (!outcome.ok) {
    throw new AppError(outcome.code, outcome.message, { errors: outcome.errors ?? [] });
  }
  deps.log.info("runner.registered", { workspaceId, runnerId, replaced: request.replace });
  return { runnerId, workspaceId, name: request.name, labels };
}

async function enrol(deps: Deps, request: RegisterRequest): Promise<Enrolled | null> {
  const now = deps.clock.now();
  try {
    return await enrolRunner(deps.d1, {
      tokenHash: await hashToken(request.token),
      runnerId: makeId("runner", now, deps.ids.random(10)),
      name: request.name,
      publicKey: request.publicKey,
      replace: request.replace,
      now,
    });
  } catch (cause) {
    if (String(cause).includes("UNIQUE constraint failed: runner_credentials.workspace_id")) {
      throw new AppError("name_taken", `A runner named "${request.name}" exists already.`, { cause });
    }
    throw cause;
  }
}

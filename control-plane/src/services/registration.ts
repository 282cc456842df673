/** The one request that trades a registration token for a runner's identity. */
import type { RegisterRequest, RegisterResponse } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { isWholeToken } from "@cronium/protocol/token";
import { negotiate } from "@cronium/protocol/version";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import { stampOf, type TokenAct } from "../domain/act.ts";
import { findTokenByHash, refuseTokenStatement, type RegistrationTokenRow } from "../store/registration-tokens.ts";
import { enrolStatements, findRunnerIdByName } from "../store/runner-credentials.ts";
import { commitAct } from "./account-audit.ts";
import { stateOfToken } from "./registration-tokens.ts";

/** Others may use the same token, or take the name, at the same moment; each try looks at both anew. */
const TRIES = 3;
/** Of a token that is tried again and again in vain, the audit tells so many times. */
const TELL_REFUSALS = 20;

type Origin = Omit<TokenAct, "actor">;

/**
 * Throws `malformed_token`, `upgrade_required`, one and the same `invalid_registration_token` for every token that is not
 * usable (the audit has the reason), or `name_taken`, which leaves the token as it was.
 */
export async function registerRunner(deps: Deps, from: Origin, request: RegisterRequest): Promise<RegisterResponse> {
  if (!isWholeToken("registration", request.token)) {
    throw new AppError("malformed_token", "The registration token is cut off or changed.");
  }
  const negotiated = negotiate(request.protocol);
  if (!negotiated.ok) {
    throw new AppError("upgrade_required", negotiated.message);
  }
  const { runnerId, token } = await enrol(deps, from, request);
  const { workspaceId } = token;
  // What the token says wins: a machine cannot give itself labels that its token denies it.
  const labels = { ...request.labels, ...token.labels };
  const ephemeral = isEphemeral(request, token);
  const outcome = await deps.dispatcherFor(workspaceId).registerRunner({
    runnerId,
    name: request.name,
    labels,
    version: request.version,
    platform: request.platform,
    ephemeral,
    by: stampOf(actOf(from, token)),
  });
  if (!outcome.ok) {
    throw new AppError(outcome.code, outcome.message, { errors: outcome.errors ?? [] });
  }
  deps.log.info("runner.registered", { workspaceId, runnerId, ephemeral, replaced: request.replace });
  return { runnerId, workspaceId, name: request.name, labels, ...(ephemeral ? { ephemeral } : {}) };
}

function isEphemeral(request: RegisterRequest, token: RegistrationTokenRow): boolean {
  return token.kind === "ephemeral" || request.ephemeral === true;
}

async function enrol(
  deps: Deps,
  from: Origin,
  request: RegisterRequest,
): Promise<{ readonly runnerId: string; readonly token: RegistrationTokenRow }> {
  const tokenHash = await hashToken(request.token);
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const now = deps.clock.now();
    const token = await findTokenByHash(deps.d1, tokenHash);
    const state = token === null ? "unknown" : stateOfToken(token, now);
    if (token === null || state !== "open") {
      await noteRefusal(deps, from, request, token, state);
      break;
    }
    const { name, publicKey, replace } = request;
    const owner = replace ? await findRunnerIdByName(deps.d1, token.workspaceId, name) : null;
    const runnerId = owner ?? makeId("runner", now, deps.ids.random(10));
    const after = { runnerId, name, replaced: owner !== null, ephemeral: isEphemeral(request, token) };
    const results = await commitAct(
      deps,
      actOf(from, token),
      { verb: "registration_token.used", target: token.id, after },
      enrolStatements(deps.d1, { tokenHash, runnerId, name, publicKey, replace, now }),
    ).catch((cause: unknown) => {
      if (String(cause).includes("UNIQUE constraint failed: runner_credentials.workspace_id")) {
        throw new AppError("name_taken", `A runner named "${name}" exists already.`, { cause });
      }
      throw cause;
    });
    if (results.at(-1)?.meta.changes === 1) {
      return { runnerId, token };
    }
  }
  throw new AppError("invalid_registration_token", "This registration token is not usable.");
}

/** Nobody is signed in: it is the token that acts. */
function actOf(from: Origin, token: RegistrationTokenRow): TokenAct {
  return { ...from, actor: { kind: "registration_token", tokenId: token.id, workspaceId: token.workspaceId } };
}

/** The caller is not told why; who made the token may find out. */
async function noteRefusal(
  deps: Deps,
  from: Origin,
  request: RegisterRequest,
  token: RegistrationTokenRow | null,
  reason: string,
): Promise<void> {
  deps.log.warn("registration.refused", { reason, tokenId: token?.id ?? null, requestId: from.requestId });
  if (token !== null) {
    const deed = { verb: "registration_token.refused", target: token.id, after: { reason, name: request.name } };
    await commitAct(deps, actOf(from, token), deed, [refuseTokenStatement(deps.d1, token.id, TELL_REFUSALS)]);
  }
}

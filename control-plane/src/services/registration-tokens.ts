/** Registration tokens: made, listed and revoked by people; `registration.ts` takes them from machines. */
import type { CreatedRegistrationToken, CreateRegistrationToken, RegistrationToken } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import type { RegistrationTokenState } from "@cronium/protocol/registration-tokens";
import { makeToken } from "@cronium/protocol/token";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import { countQuotas } from "../domain/count-quota.ts";
import type { Act } from "../domain/act.ts";
import { actorId, type Actor } from "../domain/actor.ts";
import {
  addTokenStatements,
  listTokenRows,
  revokeTokenStatement,
  type RegistrationTokenRow,
} from "../store/registration-tokens.ts";
import { quotaFull } from "./outcome.ts";
import { commitAct, requireProof } from "./account-audit.ts";

/** Ended ones stay in the list for a month. */
const KEEP_MS = 30 * 86_400_000;
const REUSABLE_USES = 100;

/** `url` is the address under which the new machine reaches this installation. Throws `proof_required`. */
export async function createRegistrationToken(
  deps: Deps,
  act: Act,
  input: CreateRegistrationToken,
  url: string,
): Promise<CreatedRegistrationToken> {
  requireProof(deps, act.actor);
  const { workspaceId } = act.actor;
  const { kind, labels, maxUses = kind === "reusable" ? REUSABLE_USES : 1 } = input;
  const now = deps.clock.now();
  const token = makeToken("registration", deps.ids.random(32), url);
  const id = makeId("registrationToken", now, deps.ids.random(10));
  const expiresAt = now + input.expiresInSeconds * 1_000;
  const after = { kind, maxUses, labels, expiresAt: new Date(expiresAt).toISOString() };
  const results = await commitAct(
    deps,
    act,
    { verb: "registration_token.created", target: id, after },
    addTokenStatements(
      deps.d1,
      {
        id,
        workspaceId,
        hash: await hashToken(token),
        kind,
        maxUses,
        labels,
        createdBy: actorId(act.actor),
        createdAt: now,
        expiresAt,
      },
      { forgetBefore: now - KEEP_MS, limit: countQuotas["registration-tokens"].limit },
    ),
  );
  if (results.at(-1)?.meta.changes === 0) {
    throw quotaFull("registration-tokens");
  }
  const row = (await listTokenRows(deps.d1, workspaceId)).find((candidate) => candidate.id === id);
  if (row === undefined) {
    throw new Error(`registration token ${id} was not stored`);
  }
  const installCommand = `npx --yes ${url}/install/cronium-runner.tgz --token ${token}`;
  return { ...viewToken(row, now), token, installCommand };
}

/** Newest first; never with the tokens themselves. */
export async function listRegistrationTokens(deps: Deps, actor: Actor): Promise<RegistrationToken[]> {
  const rows = await listTokenRows(deps.d1, actor.workspaceId);
  return rows.map((row) => viewToken(row, deps.clock.now()));
}

/** What it has registered stays. Throws `not_found` for one that is unknown, revoked already or of another workspace. */
export async function revokeRegistrationToken(deps: Deps, act: Act, tokenId: string): Promise<void> {
  const statement = revokeTokenStatement(deps.d1, act.actor.workspaceId, tokenId, deps.clock.now());
  const [result] = await commitAct(deps, act, { verb: "registration_token.revoked", target: tokenId }, [statement]);
  if (result?.meta.changes === 0) {
    throw new AppError("not_found", `There is no registration token ${tokenId} to revoke.`);
  }
}

export function stateOfToken(row: RegistrationTokenRow, now: number): RegistrationTokenState {
  if (row.revokedAt !== null) {
    return "revoked";
  }
  if (row.uses >= row.maxUses || (row.maxUses === 1 && row.usedAt !== null)) {
    return "used_up";
  }
  return row.expiresAt <= now ? "expired" : "open";
}

function viewToken(row: RegistrationTokenRow, now: number): RegistrationToken {
  return {
    id: row.id,
    kind: row.kind,
    state: stateOfToken(row, now),
    labels: { ...row.labels },
    uses: row.uses,
    maxUses: row.maxUses,
    createdBy: row.createdBy,
    createdAt: new Date(row.createdAt).toISOString(),
    expiresAt: new Date(row.expiresAt).toISOString(),
    lastUsedAt: row.usedAt === null ? null : new Date(row.usedAt).toISOString(),
  };
}

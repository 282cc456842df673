/** API keys: who a key speaks for, and new ones. */
import { makeId } from "@cronium/protocol/ids";
import { isWholeToken, makeToken } from "@cronium/protocol/token";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import type { Actor, Role } from "../domain/actor.ts";
import { findApiKey, insertApiKey, revokeApiKey } from "../store/api-keys.ts";

/** Null for a key that is mangled, unknown, expired or revoked. A revoked one may live on for ten seconds. */
export async function actorOfApiKey(deps: Deps, key: string): Promise<Actor | null> {
  if (!isWholeToken("apiKey", key)) {
    return null;
  }
  const hash = await hashToken(key);
  const recent = deps.recentActors.get(hash);
  if (recent !== null) {
    return recent;
  }
  const row = await findApiKey(deps.db, hash);
  if (row === undefined || row.revokedAt !== null) {
    return null;
  }
  const expiresAt = row.expiresAt ?? Number.POSITIVE_INFINITY;
  if (expiresAt <= deps.clock.now()) {
    return null;
  }
  const actor: Actor = {
    kind: "api_key",
    keyId: row.id,
    workspaceId: row.workspaceId,
    role: row.role as Role,
  };
  deps.recentActors.put(hash, actor, expiresAt);
  return actor;
}

/** Makes a key that does not expire, and answers it; only its hash is stored. */
export async function createApiKey(
  deps: Deps,
  input: { readonly workspaceId: string; readonly name: string; readonly role: Role },
): Promise<string> {
  const now = deps.clock.now();
  const key = makeToken("apiKey", deps.ids.random(32));
  await insertApiKey(deps.db, {
    id: makeId("apiKey", now, deps.ids.random(10)),
    ...input,
    hash: await hashToken(key),
    createdAt: now,
    expiresAt: null,
    revokedAt: null,
    createdBy: null,
  });
  return key;
}

/** Ends the key that is handed in, whoever does so: holding it is right enough. What is no key, or none any more, stays. */
export async function endApiKey(deps: Deps, key: string): Promise<void> {
  if (!isWholeToken("apiKey", key)) {
    return;
  }
  const hash = await hashToken(key);
  const ended = await revokeApiKey(deps.db, hash, deps.clock.now());
  deps.recentActors.forget(hash);
  if (ended !== undefined) {
    deps.log.info("api_key.revoked", { workspaceId: ended.workspaceId, keyId: ended.id, by: "its holder" });
  }
}

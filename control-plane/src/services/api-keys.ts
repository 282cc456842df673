/** API keys: who a key speaks for, new ones, and the service accounts that own some. */
import type { ApiKey, CreateApiKey, CreatedApiKey, CreateServiceAccount, ServiceAccount } from "@cronium/protocol";
import { isAtLeast, mayGrant, type Permission } from "@cronium/protocol/access";
import { lesserRole, type Role } from "@cronium/protocol/roles";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { isWholeToken, makeToken } from "@cronium/protocol/token";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import { countQuotas } from "../domain/count-quota.ts";
import type { Act } from "../domain/act.ts";
import { actorId, actorMay, type Actor } from "../domain/actor.ts";
import {
  addServiceAccountStatement,
  findApiKey,
  findServiceAccount,
  insertApiKey,
  insertKeyStatement,
  listKeyRows,
  listServiceAccountRows,
  markKeyUsed,
  ownerOfKey,
  removeServiceAccountStatements,
  revokeKeyByHash,
  revokeKeyStatement,
  type ApiKeyRow,
  type KeyHolder,
  type ListedKey,
  type ServiceAccountRow,
} from "../store/api-keys.ts";
import { quotaFull } from "./outcome.ts";
import { commitAct, requireProof } from "./account-audit.ts";

const DAY_MS = 86_400_000;
const MARK_USED_EVERY_MS = 60_000;

/** Null for a key that is mangled, unknown, expired or revoked. A revoked one may live on for ten seconds. */
export async function actorOfApiKey(
  deps: Deps,
  key: string,
  beforeLookUp: () => void = () => undefined,
): Promise<Actor | null> {
  if (!isWholeToken("apiKey", key)) {
    return null;
  }
  const hash = await hashToken(key);
  const recent = deps.recentActors.get(hash);
  if (recent !== null) {
    return recent;
  }
  beforeLookUp();
  const row = await findApiKey(deps.d1, hash);
  const role = row === null ? null : roleOf(row);
  const now = deps.clock.now();
  const expiresAt = row?.expiresAt ?? Number.POSITIVE_INFINITY;
  if (row === null || role === null || expiresAt <= now) {
    return null;
  }
  if (now - (row.lastUsedAt ?? 0) >= MARK_USED_EVERY_MS) {
    await markKeyUsed(deps.d1, row.id, now);
  }
  const actor: Actor = { kind: "api_key", keyId: row.id, workspaceId: row.workspaceId, role, scopes: row.scopes };
  deps.recentActors.put(hash, actor, expiresAt);
  return actor;
}

/** The lesser of the key's role and its owner's; null when the owner is gone. */
function roleOf({ role, ownerId, ownerRole }: KeyHolder): Role | null {
  if (ownerId === null) {
    return role;
  }
  return ownerRole === null ? null : lesserRole(ownerRole, role);
}

/** Makes a key of the installation that does not expire, and answers it; only its hash is stored. */
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
    scopes: null,
    ownerId: null,
    createdBy: null,
    lastUsedAt: null,
  });
  return key;
}

/** Ends the key that is handed in, whoever does so: holding it is right enough. What is no key, or none any more, stays. */
export async function endApiKey(deps: Deps, key: string): Promise<void> {
  if (!isWholeToken("apiKey", key)) {
    return;
  }
  const hash = await hashToken(key);
  const ended = await revokeKeyByHash(deps.d1, hash, deps.clock.now());
  deps.recentActors.forget(hash);
  if (ended !== null) {
    deps.log.info("api_key.revoked", { workspaceId: ended.workspaceId, keyId: ended.id, by: "its holder" });
  }
}

/** One's own, or all of the workspace for who may read them. */
export async function listApiKeys(deps: Deps, actor: Actor): Promise<ApiKey[]> {
  const ownerId = actorMay(actor, "keys:read") ? null : await ownerOf(deps, actor);
  return (await listKeyRows(deps.d1, actor.workspaceId, ownerId)).map(viewKey);
}

/** Whose keys an actor makes: a person's own, and for a key its owner's. Null for the key of the installation. */
function ownerOf(deps: Deps, actor: Actor): Promise<string | null> {
  return actor.kind === "user" ? Promise.resolve(actor.userId) : ownerOfKey(deps.d1, actor.keyId);
}

function viewKey(row: ListedKey): ApiKey {
  const at = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    scopes: row.scopes === null ? null : [...row.scopes],
    owner: { kind: ownerKind(row.ownerId), name: row.ownerName ?? row.name },
    createdAt: new Date(row.createdAt).toISOString(),
    expiresAt: at(row.expiresAt),
    lastUsedAt: at(row.lastUsedAt),
  };
}

function ownerKind(ownerId: string | null): ApiKey["owner"]["kind"] {
  if (ownerId === null) {
    return "installation";
  }
  return ownerId.startsWith("svc_") ? "service_account" : "user";
}

/** Never more than the caller holds itself: neither a higher role nor a scope that it lacks. */
export async function createOwnKey(deps: Deps, act: Act, input: CreateApiKey): Promise<CreatedApiKey> {
  const { actor } = act;
  requireProof(deps, actor);
  const account =
    input.serviceAccountId === undefined ? null : await serviceAccountOf(deps, actor, input.serviceAccountId);
  const role = input.role ?? account?.role ?? actor.role;
  if (!isAtLeast(account?.role ?? actor.role, role) || !isAtLeast(actor.role, role)) {
    throw new AppError("forbidden", `A key with the role "${role}" would be allowed more than its maker or owner.`, {
      errors: [{ pointer: "/role", code: "forbidden", message: "must not be above your own role" }],
    });
  }
  const scopes = narrowed(actor, input.scopes);
  const now = deps.clock.now();
  const id = makeId("apiKey", now, deps.ids.random(10));
  const key = makeToken("apiKey", deps.ids.random(32));
  const expiresAt = now + input.expiresInDays * DAY_MS;
  const deed = {
    verb: "api_key.created",
    target: id,
    after: {
      name: input.name,
      role,
      scopes: scopes === null ? null : [...scopes],
      expiresAt: new Date(expiresAt).toISOString(),
    },
  };
  const made: ApiKeyRow = {
    id,
    workspaceId: actor.workspaceId,
    name: input.name,
    hash: await hashToken(key),
    role,
    createdAt: now,
    expiresAt,
    revokedAt: null,
    scopes,
    ownerId: account?.id ?? (await ownerOf(deps, actor)),
    createdBy: actorId(actor),
    lastUsedAt: null,
  };
  const [added] = await commitAct(deps, act, deed, [insertKeyStatement(deps.d1, made, countQuotas["api-keys"].limit)]);
  if (added?.meta.changes === 0) {
    throw quotaFull("api-keys");
  }
  const row = (await listKeyRows(deps.d1, actor.workspaceId, null)).find((candidate) => candidate.id === id);
  if (row === undefined) {
    throw new Error(`API key ${id} was not stored`);
  }
  return { ...viewKey(row), key };
}

function narrowed(actor: Actor, asked: readonly Permission[] | undefined): readonly Permission[] | null {
  const own = actor.kind === "api_key" ? actor.scopes : null;
  if (asked === undefined) {
    return own;
  }
  const beyond = own === null ? [] : asked.filter((scope) => !own.includes(scope));
  if (beyond.length > 0) {
    throw new AppError("missing_scope", `This key lacks ${beyond.join(", ")} itself and cannot pass it on.`);
  }
  return [...new Set(asked)];
}

async function serviceAccountOf(deps: Deps, actor: Actor, id: string): Promise<ServiceAccountRow> {
  if (!actorMay(actor, "keys:write")) {
    throw new AppError("forbidden", "Keys of service accounts are made by administrators.");
  }
  const account = await findServiceAccount(deps.d1, actor.workspaceId, id);
  if (account === null) {
    throw new AppError("not_found", `There is no service account ${id}.`);
  }
  return account;
}

/** One's own, or any for who may write them. Works at once here, and within ten seconds everywhere. */
export async function revokeApiKey(deps: Deps, act: Act, keyId: string): Promise<void> {
  const { actor } = act;
  const ownerId = actorMay(actor, "keys:write") ? null : ((await ownerOf(deps, actor)) ?? "");
  const statement = revokeKeyStatement(deps.d1, {
    workspaceId: actor.workspaceId,
    id: keyId,
    ownerId,
    now: deps.clock.now(),
  });
  const [result] = await commitAct(deps, act, { verb: "api_key.revoked", target: keyId }, [statement]);
  if (result?.meta.changes === 0) {
    throw new AppError("not_found", `There is no API key ${keyId}.`);
  }
  deps.recentActors.clear();
}

export async function listServiceAccounts(deps: Deps, actor: Actor): Promise<ServiceAccount[]> {
  return (await listServiceAccountRows(deps.d1, actor.workspaceId)).map(viewServiceAccount);
}

function viewServiceAccount(row: ServiceAccountRow): ServiceAccount {
  return { ...row, createdAt: new Date(row.createdAt).toISOString() };
}

export async function createServiceAccount(
  deps: Deps,
  act: Act,
  { name, role }: CreateServiceAccount,
): Promise<ServiceAccount> {
  const { actor } = act;
  requireProof(deps, actor);
  if (!mayGrant(actor.role, role)) {
    throw new AppError("forbidden", `The role "${actor.role}" may not hand out the role "${role}".`);
  }
  const now = deps.clock.now();
  const id = makeId("serviceAccount", now, deps.ids.random(10));
  const account = { id, workspaceId: actor.workspaceId, name, role, createdBy: actorId(actor), now };
  try {
    const [added] = await commitAct(deps, act, { verb: "service_account.created", target: id, after: { name, role } }, [
      addServiceAccountStatement(deps.d1, account, countQuotas["service-accounts"].limit),
    ]);
    if (added?.meta.changes === 0) {
      throw quotaFull("service-accounts");
    }
  } catch (cause) {
    if (String(cause).includes("UNIQUE constraint failed: service_accounts")) {
      throw new AppError("name_taken", `A service account named "${name}" exists already.`, { cause });
    }
    throw cause;
  }
  return { id, name, role, createdAt: new Date(now).toISOString(), keys: 0 };
}

/** Its keys are revoked with it. */
export async function removeServiceAccount(deps: Deps, act: Act, id: string): Promise<void> {
  const { actor } = act;
  requireProof(deps, actor);
  const statements = removeServiceAccountStatements(deps.d1, actor.workspaceId, id, deps.clock.now());
  const results = await commitAct(deps, act, { verb: "service_account.removed", target: id }, statements);
  if (results.at(-1)?.meta.changes === 0) {
    throw new AppError("not_found", `There is no service account ${id}.`);
  }
  deps.recentActors.clear();
}

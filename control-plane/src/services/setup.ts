/** First start of an installation by its launcher: schema, workspace, key for this machine, claim link. */
import { makeId } from "@cronium/protocol/ids";
import { makeToken } from "@cronium/protocol/token";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import { findFirstWorkspace, hasOwner, insertWorkspace, replaceClaimToken } from "../store/accounts.ts";
import { actorOfApiKey, createApiKey } from "./api-keys.ts";
import { migrate } from "./migrations.ts";

export interface SetupResult {
  readonly workspaceId: string;
  /** The key that was handed in when it still works, else a new one. */
  readonly apiKey: string;
  /** For the link that claims the owner account; null once there is an owner. Each start makes a new one. */
  readonly claimToken: string | null;
  /** Names of the migrations applied now. */
  readonly migrated: readonly string[];
}

/** May be repeated: what exists is kept. `apiKey` is the one from `local.json`, or null. */
export async function setUp(deps: Deps, input: { readonly apiKey: string | null }): Promise<SetupResult> {
  const migrated = await migrate(deps);
  const workspaceId = await ensureWorkspace(deps);
  const known = input.apiKey === null ? null : await actorOfApiKey(deps, input.apiKey);
  const apiKey =
    input.apiKey !== null && known?.workspaceId === workspaceId
      ? input.apiKey
      : await createApiKey(deps, { workspaceId, name: "local.json", role: "owner" });
  return { workspaceId, apiKey, claimToken: await claimToken(deps, workspaceId), migrated };
}

async function ensureWorkspace(deps: Deps): Promise<string> {
  const existing = await findFirstWorkspace(deps.db);
  if (existing !== undefined) {
    return existing.id;
  }
  const createdAt = deps.clock.now();
  const id = makeId("workspace", createdAt, deps.ids.random(10));
  await insertWorkspace(deps.db, { id, name: "My workspace", createdAt, isHome: true });
  return id;
}

async function claimToken(deps: Deps, workspaceId: string): Promise<string | null> {
  if (await hasOwner(deps.db, workspaceId)) {
    return null;
  }
  const token = makeToken("claim", deps.ids.random(32));
  await replaceClaimToken(deps.db, {
    hash: await hashToken(token),
    workspaceId,
    createdAt: deps.clock.now(),
  });
  return token;
}

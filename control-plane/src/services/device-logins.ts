/** Letting a program in on a device without a browser (RFC 8628): its codes, a person's decision, and the key. */
import {
  type ApproveDeviceLogin,
  type DeviceCodeRequest,
  type DeviceCodeResponse,
  type DeviceLogin,
  type DeviceTokenResponse,
  type OAuthErrorCode,
} from "@cronium/protocol/api/device";
import { AppError, echo } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { lesserRole, rolesWithin, type Role } from "@cronium/protocol/roles";
import { isWholeToken, makeToken } from "@cronium/protocol/token";
import { makeUserCode, readUserCode } from "@cronium/protocol/user-code";
import { hashToken } from "../auth/token-hash.ts";
import type { Deps } from "../deps.ts";
import type { Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import {
  DEVICE_LOGIN_KEPT_MS,
  DEVICE_LOGIN_MS,
  judgePoll,
  MAX_WRONG_CODES,
  POLL_INTERVAL_MS,
  WRONG_CODES_WINDOW_MS,
} from "../domain/device-login.ts";
import { findWorkspace } from "../store/accounts.ts";
import {
  decideDeviceLoginStatement,
  type Decision,
  type DeviceLoginRow,
  findDeviceLogin,
  findOpenDeviceLogin,
  findRole,
  giveGuessBack,
  insertDeviceLogin,
  notePoll,
  redeemStatements,
  takeGuess,
} from "../store/device-logins.ts";
import { commitAct, commitEntry, requireProof } from "./account-audit.ts";

const DAY_MS = 86_400_000;
/** What a program gets that asks for nothing in particular, unless the person has less. */
const USUAL_ROLE: Role = "admin";

type Person = Extract<Actor, { readonly kind: "user" }>;

/** `address` is where the request came from, null when that cannot be known; `url` is this installation's address. */
export async function startDeviceLogin(
  deps: Deps,
  request: DeviceCodeRequest,
  address: string | null,
  url: string,
): Promise<DeviceCodeResponse> {
  const now = deps.clock.now();
  const deviceCode = makeToken("device", deps.ids.random(32));
  const userCode = makeUserCode(deps.ids.random(32));
  await insertDeviceLogin(
    deps.db,
    {
      deviceHash: await hashToken(deviceCode),
      userCodeHash: await hashToken(userCode),
      deviceName: request.device_name ?? null,
      address,
      askedRole: request.scope ?? null,
      createdAt: now,
      expiresAt: now + DEVICE_LOGIN_MS,
      intervalMs: POLL_INTERVAL_MS,
    },
    now - DEVICE_LOGIN_KEPT_MS,
  );
  return {
    device_code: deviceCode,
    user_code: userCode,
    verification_uri: `${url}/device`,
    verification_uri_complete: `${url}/device#code=${userCode}`,
    expires_in: DEVICE_LOGIN_MS / 1_000,
    interval: POLL_INTERVAL_MS / 1_000,
  };
}

export type Polled =
  | { readonly ok: true; readonly token: DeviceTokenResponse }
  | { readonly ok: false; readonly error: OAuthErrorCode; readonly message: string };

const refused = (error: OAuthErrorCode, message: string): Polled => ({ ok: false, error, message });

const UNKNOWN = refused("invalid_grant", "This device code is not valid, or its key was handed out already.");

/** What the program is told that asks whether it may come in; the key, once, when it may. */
export async function pollDeviceLogin(deps: Deps, from: Omit<Act, "actor">, deviceCode: string): Promise<Polled> {
  if (!isWholeToken("device", deviceCode)) {
    return UNKNOWN;
  }
  const deviceHash = await hashToken(deviceCode);
  const login = await findDeviceLogin(deps.db, deviceHash);
  if (login === undefined) {
    return UNKNOWN;
  }
  const now = deps.clock.now();
  const verdict = judgePoll(login, now);
  switch (verdict.kind) {
    case "used":
      return UNKNOWN;
    case "expired":
      return refused("expired_token", "The code was not used within ten minutes; start the login again.");
    case "denied":
      return refused("access_denied", "The login was denied.");
    case "approved":
      return redeem(deps, from, login, now);
    case "pending":
    case "slow_down":
      await notePoll(deps.db, deviceHash, { polledAt: now, intervalMs: verdict.intervalMs });
      return verdict.kind === "pending"
        ? refused("authorization_pending", "Nobody has approved or denied the login yet.")
        : refused("slow_down", `Ask no more often than every ${verdict.intervalMs / 1_000} s.`);
  }
}

async function redeem(deps: Deps, from: Omit<Act, "actor">, login: DeviceLoginRow, now: number): Promise<Polled> {
  const { deviceHash, workspaceId, userId, keyLifeMs } = login;
  if (workspaceId === null || userId === null || keyLifeMs === null) {
    throw new Error("An approved device login names no person.");
  }
  // Who lost a role, or the membership, since the approval hands out no more than is left.
  const left = await findRole(deps.db, workspaceId, userId);
  if (left === undefined) {
    return refused("access_denied", "The person who approved the login is no longer a member of the workspace.");
  }
  const role = lesserRole(login.role as Role, left);
  const key = makeToken("apiKey", deps.ids.random(32));
  const keyId = makeId("apiKey", now, deps.ids.random(10));
  const name = login.deviceName === null ? "cronium CLI" : `cronium CLI on ${login.deviceName}`;
  const expiresAt = now + keyLifeMs;
  // As every other key: by the person that it is of. That person's consent has an entry of its own.
  const stamp = { actor: { kind: "user" as const, id: userId }, ...from };
  const after = { name, role, scopes: null, expiresAt: new Date(expiresAt).toISOString(), by: "device_login" };
  const results = await commitEntry(
    deps,
    stamp,
    { verb: "api_key.created", target: keyId, after },
    {
      workspaceId,
      statements: redeemStatements(deps.d1, deviceHash, {
        id: keyId,
        hash: await hashToken(key),
        name,
        role,
        now,
        expiresAt,
      }),
    },
  );
  if (results.at(-1)?.meta.changes === 0) {
    return UNKNOWN;
  }
  deps.log.info("device_login.redeemed", { workspaceId, userId, keyId, role });
  return {
    ok: true,
    token: { access_token: key, token_type: "Bearer", expires_in: keyLifeMs / 1_000, scope: role, key_id: keyId },
  };
}

/** What waits under a user code. Throws `invalid_user_code`, or `rate_limited` after five wrong ones in ten minutes. */
export async function lookUpDeviceLogin(deps: Deps, actor: Actor, text: string): Promise<DeviceLogin> {
  const person = personOf(actor);
  const { userCode, login } = await findOpen(deps, person, text);
  const workspace = await findWorkspace(deps.db, person.workspaceId);
  if (workspace === undefined) {
    throw new AppError("not_found", "The workspace of this login no longer exists.");
  }
  return {
    userCode,
    deviceName: login.deviceName,
    address: login.address,
    requestedAt: new Date(login.createdAt).toISOString(),
    expiresAt: new Date(login.expiresAt).toISOString(),
    workspace: { id: workspace.id, name: workspace.name },
    role: lesserRole((login.askedRole as Role | null) ?? USUAL_ROLE, person.role),
    roles: rolesWithin(person.role),
  };
}

/** Throws as `lookUpDeviceLogin`, `forbidden` for a role above the person's own, and `proof_required`. */
export async function approveDeviceLogin(deps: Deps, act: Act, request: ApproveDeviceLogin): Promise<void> {
  const person = personOf(act.actor);
  if (!rolesWithin(person.role).includes(request.role)) {
    throw new AppError("forbidden", `The role "${person.role}" cannot let a device in as ${request.role}.`);
  }
  requireProof(deps, act.actor);
  const { workspaceId, userId } = person;
  await decide(deps, act, request.userCode, {
    state: "approved",
    workspaceId,
    userId,
    role: request.role,
    keyLifeMs: request.keyExpiresInDays * DAY_MS,
  });
}

/** Throws as `lookUpDeviceLogin`. */
export async function denyDeviceLogin(deps: Deps, act: Act, text: string): Promise<void> {
  await decide(deps, act, text, { state: "denied" });
}

async function decide(deps: Deps, act: Act, text: string, decision: Decision): Promise<void> {
  const { userCode, login } = await findOpen(deps, personOf(act.actor), text);
  const { deviceName, address } = login;
  const grant = decision.state === "approved" ? { role: decision.role, keyLifeMs: decision.keyLifeMs } : {};
  const deed = {
    verb: `device_login.${decision.state}`,
    target: deviceName ?? "a device without a name",
    after: { address, ...grant },
  };
  const statement = decideDeviceLoginStatement(deps.d1, await hashToken(userCode), decision, deps.clock.now());
  const [result] = await commitAct(deps, act, deed, [statement]);
  if (result?.meta.changes === 0) {
    throw unknownCode(text);
  }
}

/** A key must not make further keys: only a session speaks for the person at the screen. */
function personOf(actor: Actor): Person {
  if (actor.kind !== "user") {
    throw new AppError("forbidden", "Only a person who is signed in can decide about a device, not an API key.");
  }
  return actor;
}

async function findOpen(
  deps: Deps,
  person: Person,
  text: string,
): Promise<{ readonly userCode: string; readonly login: DeviceLoginRow }> {
  const now = deps.clock.now();
  const { wrong, since } = await takeGuess(deps.db, person.userId, now, WRONG_CODES_WINDOW_MS);
  if (wrong > MAX_WRONG_CODES) {
    const retryAfterSeconds = Math.max(1, Math.ceil((since + WRONG_CODES_WINDOW_MS - now) / 1_000));
    throw new AppError("rate_limited", `Too many wrong codes; try again in ${retryAfterSeconds} s.`, {
      context: { retryAfterSeconds },
    });
  }
  const userCode = readUserCode(text);
  const login = userCode === null ? undefined : await findOpenDeviceLogin(deps.db, await hashToken(userCode), now);
  if (userCode === null || login === undefined) {
    throw unknownCode(text);
  }
  await giveGuessBack(deps.db, person.userId);
  return { userCode, login };
}

/** One answer for codes that are wrong, expired, and decided: a guess learns nothing. */
function unknownCode(text: string): AppError {
  return new AppError("invalid_user_code", `No device waits for the code ${echo(text)}.`);
}

/** Messages that no mail took to people: listed and handed over by owners of the installation. */
import type { Message } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import type { Deps } from "../deps.ts";
import type { Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { findHomeWorkspace, findUserByEmail } from "../store/accounts.ts";
import { findMessage, listMessageRows, noteShownStatement, takeUnprinted, type MessageRow } from "../store/messages.ts";
import { removeStatements } from "../store/second-factors.ts";
import { commitAct, requireProof } from "./account-audit.ts";
import { makeAccountLink } from "./account-links.ts";

/**
 * Whose link one holds, one may become: the messages of everybody are for owners of the workspace that the installation
 * was set up with, who hold its machine, and for nobody hosted.
 */
async function mayHandOver(deps: Deps, actor: Actor): Promise<boolean> {
  if (deps.config.launcherKey === null) {
    return false;
  }
  return (await findHomeWorkspace(deps.db))?.id === actor.workspaceId;
}

/** Empty for owners of other workspaces. */
export async function listMessages(deps: Deps, actor: Actor): Promise<Message[]> {
  if (!(await mayHandOver(deps, actor))) {
    return [];
  }
  return (await listMessageRows(deps.d1, deps.clock.now())).map(viewMessage);
}

function viewMessage(row: MessageRow): Message {
  const { id, kind, email, subject } = row;
  const at = (ms: number): string => new Date(ms).toISOString();
  return { id, kind, email, subject, createdAt: at(row.createdAt), expiresAt: at(row.expiresAt) };
}

/** The path of its link. Throws `proof_required`. */
export async function showMessage(deps: Deps, act: Act, id: string): Promise<string> {
  const gone = (): AppError => new AppError("not_found", `There is no message ${id}.`);
  if (!(await mayHandOver(deps, act.actor))) {
    throw gone();
  }
  requireProof(deps, act.actor);
  const now = deps.clock.now();
  const row = await findMessage(deps.d1, id, now);
  const path = row === null ? null : await deps.sealer.open(row.path);
  if (row === null || path === null) {
    throw gone();
  }
  const deed = { verb: "message.shown", target: id, after: { kind: row.kind, email: row.email } };
  await commitAct(deps, act, deed, [noteShownStatement(deps.d1, id, now)]);
  return path;
}

export interface Printed {
  readonly subject: string;
  readonly email: string;
  readonly path: string;
}

/** For the terminal of the launcher; each once. */
export async function takeMessages(deps: Deps): Promise<Printed[]> {
  const printed: Printed[] = [];
  for (const { subject, email, path } of await takeUnprinted(deps.d1, deps.clock.now())) {
    const opened = await deps.sealer.open(path);
    if (opened !== null) {
      printed.push({ subject, email, path: opened });
    }
  }
  return printed;
}

/** For whoever holds the machine and has lost their way in. Null for an address without an account. */
export async function passwordLink(
  deps: Deps,
  address: string,
  options: { readonly withoutSecondFactor: boolean },
): Promise<string | null> {
  const email = address.toLowerCase();
  const user = await findUserByEmail(deps.db, email);
  if (user === undefined) {
    return null;
  }
  if (options.withoutSecondFactor) {
    await deps.d1.batch(removeStatements(deps.d1, user.id));
    deps.log.warn("account.second_factor_dropped", { userId: user.id });
  }
  const row = { kind: "reset", email, userId: user.id, name: null, passwordHash: null } as const;
  return (await makeAccountLink(deps, row)).path;
}

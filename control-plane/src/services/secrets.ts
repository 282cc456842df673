/** Secrets: kept and encrypted by the Dispatcher. No answer holds a value. */
import type { CreateSecret, ImportedSecrets, ImportSecrets, ReplaceSecret, Secret } from "@cronium/protocol";
import { SecretValue } from "@cronium/protocol/api/secrets";
import { AppError, type FieldError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { readEnvFile, type EnvEntry } from "../domain/env-file.ts";
import { requireProof } from "./account-audit.ts";
import { unwrap } from "./outcome.ts";

type Page<T> = { readonly items: T[]; readonly nextCursor: null };

/** By name; with an event, what its runs would get. All on one page: there are at most 1,000. */
export async function listSecrets(deps: Deps, actor: Actor, eventId: string | undefined): Promise<Page<Secret>> {
  const items = unwrap(await deps.dispatcherFor(actor.workspaceId).listSecrets(eventId));
  return { items: [...items], nextCursor: null };
}

export async function getSecret(deps: Deps, actor: Actor, secretId: string): Promise<Secret> {
  const secret = await deps.dispatcherFor(actor.workspaceId).getSecret(secretId);
  if (secret === null) {
    throw new AppError("not_found", `There is no secret ${secretId}.`);
  }
  return secret;
}

export async function createSecret(deps: Deps, act: Act, secret: CreateSecret): Promise<Secret> {
  requireProof(deps, act.actor);
  const command = { secretId: newId(deps), secret, by: stampOf(act) };
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).createSecret(command));
}

export async function replaceSecret(deps: Deps, act: Act, secretId: string, change: ReplaceSecret): Promise<Secret> {
  requireProof(deps, act.actor);
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).replaceSecret({ secretId, change, by: stampOf(act) }));
}

export async function deleteSecret(deps: Deps, act: Act, secretId: string, force: boolean): Promise<void> {
  requireProof(deps, act.actor);
  unwrap(await deps.dispatcherFor(act.actor.workspaceId).deleteSecret({ secretId, force, by: stampOf(act) }));
}

/** Throws `invalid_env_file` with every wrong line; then nothing was stored. */
export async function importSecrets(
  deps: Deps,
  act: Act,
  { text, eventId, preview }: ImportSecrets,
): Promise<ImportedSecrets> {
  const { entries, problems } = readEnvFile(text);
  const unfit = entries.flatMap((entry) => valueProblem(entry) ?? []);
  const wrong = [...problems, ...unfit].toSorted((a, b) => a.line - b.line);
  const [first] = wrong;
  if (first !== undefined) {
    const more = wrong.length === 1 ? "" : ` ${wrong.length - 1} more lines are wrong too.`;
    throw new AppError("invalid_env_file", `Line ${first.line} ${first.message}.${more}`, {
      errors: wrong.map(({ line, message }): FieldError => ({
        pointer: "/text",
        code: "invalid_env_file",
        message: `line ${line} ${message}`,
      })),
    });
  }
  if (!preview) {
    requireProof(deps, act.actor);
  }
  const items = entries.map(({ name, value }) => ({ secretId: newId(deps), name, value }));
  const command = { items, eventId, preview, by: stampOf(act) };
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).importSecrets(command));
}

function valueProblem({ line, name, value }: EnvEntry): { readonly line: number; readonly message: string } | null {
  const parsed = SecretValue.safeParse(value);
  return parsed.success
    ? null
    : { line, message: `gives ${name} a value that ${parsed.error.issues[0]?.message ?? "cannot be stored"}` };
}

function newId(deps: Deps): string {
  return makeId("secret", deps.clock.now(), deps.ids.random(10));
}

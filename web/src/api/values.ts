/** Secrets and variables, of the workspace or as runs of one event get them. */
import type { CreateSecret, ImportedSecrets, ReplaceSecret, Secret } from "@cronium/protocol/api/secrets";
import type { CreateVariable, SetVariable, Variable, VariableVersion } from "@cronium/protocol/api/variables";
import { queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { keys } from "./keys.ts";
import type { Page } from "./page.ts";

/** Null for all of the workspace. */
export const secretsQuery = (eventId: string | null) =>
  queryOptions({
    queryKey: keys.secrets(eventId),
    queryFn: ({ signal }) =>
      request<Page<Secret>>(apiPaths.secrets(), { query: { eventId: eventId ?? undefined }, signal }),
  });

/** The answer holds everything but the value, as every other one does. */
export function createSecret(body: CreateSecret): Promise<Secret> {
  return request<Secret>(apiPaths.secrets(), { method: "POST", body });
}

export function replaceSecret({
  id,
  change,
}: {
  readonly id: string;
  readonly change: ReplaceSecret;
}): Promise<Secret> {
  return request<Secret>(apiPaths.secret(id), { method: "PUT", body: change });
}

/** Also one that events name: the page has said which. */
export function deleteSecret(id: string): Promise<void> {
  return request(apiPaths.secret(id), { method: "DELETE", query: { force: "true" } });
}

/** Throws `invalid_env_file` with every wrong line. */
export function importSecrets(body: {
  readonly text: string;
  readonly eventId: string | null;
  readonly preview: boolean;
}): Promise<ImportedSecrets> {
  return request<ImportedSecrets>(apiPaths.secretImport(), { method: "POST", body });
}

export const variablesQuery = (eventId: string | null) =>
  queryOptions({
    queryKey: keys.variables(eventId),
    queryFn: ({ signal }) =>
      request<Page<Variable>>(apiPaths.variables(), { query: { eventId: eventId ?? undefined }, signal }),
  });

export function createVariable(body: CreateVariable): Promise<Variable> {
  return request<Variable>(apiPaths.variables(), { method: "POST", body });
}

/** Throws `version_conflict` when somebody set it meanwhile. */
export function setVariable({ id, change }: { readonly id: string; readonly change: SetVariable }): Promise<Variable> {
  return request<Variable>(apiPaths.variable(id), { method: "PUT", body: change });
}

/** Throws `version_conflict` when somebody set it meanwhile. */
export function deleteVariable({ id, version }: Variable): Promise<void> {
  return request(apiPaths.variable(id), { method: "DELETE", ifMatch: version });
}

export const variableVersionsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.variableVersions(id),
    queryFn: ({ signal }) => request<Page<VariableVersion>>(apiPaths.variableVersions(id), { signal }),
  });

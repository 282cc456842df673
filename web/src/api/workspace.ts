/** The workspace that this session looks at. */
import type { Workspace } from "@cronium/protocol/api/members";
import type { Settings, UpdateSettings } from "@cronium/protocol/api/settings";
import { queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request, requestVersioned, type Versioned } from "./http.ts";
import { keys } from "./keys.ts";

export const settingsQuery = () =>
  queryOptions({
    queryKey: keys.settings(),
    queryFn: ({ signal }) => requestVersioned<Settings>(apiPaths.settings(), { signal }),
  });

/** Throws `version_conflict` when somebody changed a setting since `version`. */
export function updateSettings({
  change,
  version,
}: {
  readonly change: UpdateSettings;
  readonly version: number | undefined;
}): Promise<Versioned<Settings>> {
  return requestVersioned<Settings>(apiPaths.settings(), { method: "PATCH", body: change, ifMatch: version });
}

/** Throws `version_conflict` when somebody renamed it since `version`. */
export function renameWorkspace(change: { readonly name: string; readonly version: number }): Promise<Workspace> {
  const { name, version } = change;
  return request<Workspace>(apiPaths.workspace(), { method: "PATCH", body: { name }, ifMatch: version });
}

export function transferOwnership(userId: string): Promise<void> {
  return request(apiPaths.transferOwnership(), { method: "POST", body: { userId } });
}

/** For good; the name as it is, letter by letter. */
export function deleteWorkspace(name: string): Promise<void> {
  return request(apiPaths.workspaceDeletion(), { method: "POST", body: { name } });
}

/** The workspace that this session looks at. */
import type { Workspace } from "@cronium/protocol/api/members";
import type { Settings, UpdateSettings } from "@cronium/protocol/api/settings";
import { queryOptions } from "@tanstack/react-query";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";
import { keys } from "./keys.ts";

export const settingsQuery = () =>
  queryOptions({
    queryKey: keys.settings(),
    queryFn: ({ signal }) => request<Settings>(apiPaths.settings(), { signal }),
  });

export function updateSettings(change: UpdateSettings): Promise<Settings> {
  return request<Settings>(apiPaths.settings(), { method: "PATCH", body: change });
}

export function renameWorkspace(name: string): Promise<Workspace> {
  return request<Workspace>(apiPaths.workspace(), { method: "PATCH", body: { name } });
}

export function transferOwnership(userId: string): Promise<void> {
  return request(apiPaths.transferOwnership(), { method: "POST", body: { userId } });
}

/** For good; the name as it is, letter by letter. */
export function deleteWorkspace(name: string): Promise<void> {
  return request(apiPaths.workspaceDeletion(), { method: "POST", body: { name } });
}

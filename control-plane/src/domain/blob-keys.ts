/** Where blobs lie. Keys are fixed: whoever knows the run knows the key. */

/** The archived log of a run. */
export function logKey(workspaceId: string, runId: string): string {
  return `logs/${workspaceId}/${runId}`;
}

/** A run's detail where D1 cannot hold it. */
export function detailKey(workspaceId: string, runId: string): string {
  return `runs/${workspaceId}/${runId}`;
}

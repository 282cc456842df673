/** Where blobs lie. Keys are fixed: whoever knows the run knows the key. */

/** The archived log of a run. */
export function logKey(workspaceId: string, runId: string): string {
  return `logs/${workspaceId}/${runId}`;
}

/** The bytes of one artifact, by its number in the run. */
export function artifactKey(workspaceId: string, runId: string, number: number): string {
  return `artifacts/${workspaceId}/${runId}/${number}`;
}

/** What arrived at endpoints: many deliveries in one, named by the first. */
export function deliveryBlobKey(workspaceId: string, deliveryId: string): string {
  return `deliveries/${workspaceId}/${deliveryId}`;
}

/** A run's detail where D1 cannot hold it. */
export function detailKey(workspaceId: string, runId: string): string {
  return `runs/${workspaceId}/${runId}`;
}

/** D1: which workspace an address of webhooks belongs to. Addresses are hashes; what arrives is no business of D1's. */

export interface EndpointRoute {
  readonly workspaceId: string;
  readonly endpointId: string;
}

/** By primary key. */
export async function findEndpointRoute(d1: D1Database, hash: string): Promise<EndpointRoute | null> {
  return d1
    .prepare(`SELECT workspace_id AS "workspaceId", endpoint_id AS "endpointId" FROM endpoint_routes WHERE hash = ?`)
    .bind(hash)
    .first<EndpointRoute>();
}

export async function putEndpointRoute(
  d1: D1Database,
  { hash, workspaceId, endpointId, now }: EndpointRoute & { readonly hash: string; readonly now: number },
): Promise<void> {
  await d1
    .prepare("INSERT OR IGNORE INTO endpoint_routes (hash, workspace_id, endpoint_id, created_at) VALUES (?, ?, ?, ?)")
    .bind(hash, workspaceId, endpointId, now)
    .run();
}

export async function deleteEndpointRoute(d1: D1Database, hash: string): Promise<void> {
  await d1.prepare("DELETE FROM endpoint_routes WHERE hash = ?").bind(hash).run();
}

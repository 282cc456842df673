/** What is stored of a run's artifacts. */
import type { Artifact } from "@cronium/protocol";

export interface ArtifactRow {
  readonly run_id: string;
  readonly number: number;
  readonly attempt: number;
  readonly name: string;
  readonly bytes: number;
  /** Null while its bytes have not arrived. */
  readonly sha256: string | null;
  readonly content_type: string;
  readonly at: number;
}

/** In the order in which they were begun; those that have not arrived as well. Primary key. */
export function readRows(sql: SqlStorage, runId: string): ArtifactRow[] {
  return sql
    .exec("SELECT * FROM artifacts WHERE run_id = ? ORDER BY number", runId)
    .toArray() as unknown as ArtifactRow[];
}

/** Those that have arrived, as people and jobs see them. */
export function readArtifacts(sql: SqlStorage, runId: string): Artifact[] {
  return readRows(sql, runId)
    .filter((row) => row.sha256 !== null)
    .map(viewArtifact);
}

export function viewArtifact(row: ArtifactRow): Artifact {
  return {
    number: row.number,
    name: row.name,
    bytes: row.bytes,
    sha256: row.sha256 ?? "",
    contentType: row.content_type,
    attempt: row.attempt,
    createdAt: new Date(row.at).toISOString(),
  };
}

/** Events that a shard runs: copies of home's, taken over version by version as runs need them. */
import type { EventCopy } from "../../domain/sharding.ts";
import type { Shell } from "./shell.ts";

/** Home's answer; null for an unknown event. Versions that do not exist are left out. */
export function copyEvent(shell: Shell, eventId: string, versions: readonly number[]): EventCopy | null {
  const row = shell.sql
    .exec(
      `SELECT id, name, description, version, created_at AS createdAt, updated_at AS updatedAt, archived_at AS archivedAt
       FROM events WHERE id = ?`,
      eventId,
    )
    .toArray()[0] as unknown as Omit<EventCopy, "versions"> | undefined;
  if (row === undefined) {
    return null;
  }
  const wanted = JSON.stringify([...versions, row.version]);
  const copies = shell.sql
    .exec(
      `SELECT version, name, description, definition, created_at AS createdAt FROM event_versions
       WHERE event_id = ? AND version IN (SELECT value FROM json_each(?)) ORDER BY version`,
      eventId,
      wanted,
    )
    .toArray() as unknown as EventCopy["versions"];
  return { ...row, versions: copies };
}

/** Which of these versions are not here; the last one must be the newest that is known, or older than it. */
export function lacksVersions(shell: Shell, eventId: string, versions: readonly number[]): number[] {
  const known = new Set(
    shell.sql
      .exec(
        "SELECT version FROM event_versions WHERE event_id = ? AND version IN (SELECT value FROM json_each(?))",
        eventId,
        JSON.stringify(versions),
      )
      .toArray()
      .map((row) => row["version"] as number),
  );
  return versions.filter((version) => !known.has(version));
}

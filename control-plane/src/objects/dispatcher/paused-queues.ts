/** Which queues are paused, for the pump; `queues.ts` changes it. */

/** Notes of paused queues, by name. */
export function readPaused(sql: SqlStorage): Map<string, string> {
  return new Map(
    sql
      .exec("SELECT name, note FROM paused_queues")
      .toArray()
      .map((row) => [row["name"] as string, row["note"] as string]),
  );
}

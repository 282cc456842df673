/** Settings of the workspace, in the Dispatcher because its decisions follow them. */
import { Settings, type UpdateSettings } from "@cronium/protocol/api/settings";
import { tellShards } from "./shard-news.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";

const defaults: Settings = {
  concurrency: null,
  retentionDays: 30,
  queueLimit: 1_000_000,
  triggersPerMinute: 600_000,
  auditRetentionDays: 365,
  occurrenceRetentionDays: 30,
  deliveryRetentionDays: 15,
};

export function readSettings(sql: SqlStorage): Settings {
  const row = sql.exec("SELECT value FROM meta WHERE key = 'settings'").toArray()[0];
  return row === undefined ? defaults : Settings.parse({ ...defaults, ...JSON.parse(row["value"] as string) });
}

/** Raised by each change; 1 for settings that are as they come. */
export function settingsVersion(sql: SqlStorage): number {
  const row = sql.exec("SELECT value FROM meta WHERE key = 'settings_version'").toArray()[0];
  return row === undefined ? 1 : Number(row["value"]);
}

export function updateSettings(shell: Shell, turn: Turn, change: UpdateSettings): Settings {
  const old = readSettings(shell.sql);
  const settings = Settings.parse({ ...old, ...change });
  shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('settings', ?)", JSON.stringify(settings));
  shell.sql.exec(
    "INSERT OR REPLACE INTO meta (key, value) VALUES ('settings_version', ?)",
    String(settingsVersion(shell.sql) + 1),
  );
  if (shell.line !== null) {
    shell.line.settings = settings;
  }
  if (settings.deliveryRetentionDays !== old.deliveryRetentionDays) {
    // Blobs go when the last delivery that was moved into them does.
    const longerMs = (settings.deliveryRetentionDays - old.deliveryRetentionDays) * 86_400_000;
    shell.sql.exec("UPDATE delivery_blobs SET until = until + ?", longerMs);
  }
  expireSoon(shell, turn);
  tellShards(shell, turn, "rules");
  turn.fleetChanged = true;
  turn.pumpNeeded = true;
  return settings;
}

/** What is kept for a shorter time from now on may go at once. */
export function expireSoon(shell: Shell, turn: Turn): void {
  shell.retention.dueAt = turn.now;
  shell.tidiedAt = 0;
  wakeBy(turn, turn.now);
}

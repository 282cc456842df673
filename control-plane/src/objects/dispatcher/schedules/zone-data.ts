/**
 * New time zone data: a government has moved its clocks, and the runtime that starts now knows it. Stored next times were
 * computed by the old data, so they are computed anew, before anything fires. Data comes with the program and never
 * changes while it runs: looking at each start is enough.
 *
 * `Intl` does not tell its version, so what it says of each zone in use is kept beside the schedules and compared. What
 * was decided stays decided; a time that the new data puts elsewhere fires there.
 */
import { HOME_SHARD } from "@cronium/protocol/ids";
import { zoneMark } from "@cronium/protocol/zone";
import type { Shell } from "../shell.ts";
import { inTurn } from "../turns.ts";
import { armed } from "./arming.ts";
import { readArmed, saveSchedule, zonesInUse } from "./rows.ts";

/** Schedules in one commit. */
const BATCH = 250;
const KEY = "zone_marks";

type Marks = Readonly<Record<string, string>>;

/** By zone and year: the same for every object of this program. */
const known = new Map<string, string>();

function markOf(zone: string, now: number): string {
  const key = `${new Date(now).getUTCFullYear()} ${zone}`;
  let mark = known.get(key);
  if (mark === undefined) {
    try {
      mark = zoneMark(zone, now);
    } catch {
      // The new data has no such zone. Its schedules say so when they are due.
      mark = "unknown";
    }
    known.set(key, mark);
  }
  return mark;
}

/** Never throws: a workspace starts whatever its zones are. */
export function renewTimes(shell: Shell): void {
  if (shell.shard !== HOME_SHARD) {
    return;
  }
  const { clock, log } = shell.deps;
  const { workspaceId } = shell;
  try {
    const now = clock.now();
    const marks: Marks = Object.fromEntries(zonesInUse(shell).map((zone) => [zone, markOf(zone, now)]));
    const before = readMarks(shell);
    const changed = Object.keys(marks).filter((zone) => marks[zone] !== before[zone]);
    if (changed.length === 0) {
      return;
    }
    const moved = changed.reduce((sum, zone) => sum + renewZone(shell, zone), 0);
    inTurn(shell, () => {
      shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", KEY, JSON.stringify(marks));
    });
    if (moved > 0) {
      log.info("schedule.zone_data_changed", { workspaceId, zones: changed.join(" "), schedules: moved });
    }
  } catch (error) {
    log.error("schedule.zones_unread", { workspaceId, error: String(error) });
  }
}

/** How many of its schedules have another next time. A crash on the way begins anew, and finds the rest. */
function renewZone(shell: Shell, zone: string): number {
  let moved = 0;
  let after: string | null = "";
  while (after !== null) {
    after = inTurn(shell, (turn): string | null => {
      const records = readArmed(shell, { zone, after: after ?? "", limit: BATCH });
      for (const record of records) {
        try {
          const renewed = armed(turn, record);
          moved += renewed.nextNominal === record.nextNominal ? 0 : 1;
          saveSchedule(shell, record, renewed);
        } catch (error) {
          const { id: scheduleId } = record;
          shell.deps.log.warn("schedule.not_renewed", { scheduleId, zone, error: String(error) });
        }
      }
      return records.length < BATCH ? null : (records.at(-1)?.id ?? null);
    });
  }
  return moved;
}

function readMarks(shell: Shell): Marks {
  const row = shell.sql.exec("SELECT value FROM meta WHERE key = ?", KEY).toArray()[0];
  return row === undefined ? {} : (JSON.parse(row["value"] as string) as Marks);
}

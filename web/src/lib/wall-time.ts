/** Between moments and what the clocks of a zone show, as fields for date and time hold it. */
import { offsetMs, whenShown, zoneProblem } from "@cronium/protocol/zone";

/** `2026-11-21T02:00` for the field; empty for null, and for a zone that there is not. */
export function wallTime(at: string | null, zone: string): string {
  if (at === null || zoneProblem(zone) !== null) {
    return "";
  }
  const ms = Date.parse(at);
  const shown = new Date(ms + offsetMs(zone, ms)).toISOString().slice(0, 19);
  return shown.endsWith(":00") ? shown.slice(0, 16) : shown;
}

/**
 * The moment at which clocks in `zone` first show it, ISO 8601; for a time that they leave out the first one after the
 * gap. Null for an empty or broken text, and for a zone that there is not.
 */
export function momentOf(wall: string, zone: string): string | null {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(wall) ? Date.parse(`${wall}Z`) : Number.NaN;
  return Number.isNaN(ms) || zoneProblem(zone) !== null ? null : new Date(whenShown(zone, ms).at).toISOString();
}

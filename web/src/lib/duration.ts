/** Durations for people: at most two units, always with their unit. */

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

/** `ms` in milliseconds; negative values (two clocks that disagree) count as 0. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) {
    return "–";
  }
  const value = Math.max(0, ms);
  if (value < 1_000) {
    return `${Math.round(value)} ms`;
  }
  if (value < 10_000) {
    return `${(Math.floor(value / 100) / 10).toFixed(1)} s`;
  }
  if (value < MINUTE) {
    return `${Math.floor(value / 1_000)} s`;
  }
  if (value < HOUR) {
    return pair(Math.floor(value / MINUTE), "min", Math.floor((value % MINUTE) / 1_000), "s");
  }
  if (value < DAY) {
    return pair(Math.floor(value / HOUR), "h", Math.floor((value % HOUR) / MINUTE), "min");
  }
  return pair(Math.floor(value / DAY), "d", Math.floor((value % DAY) / HOUR), "h");
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** Milliseconds between two ISO times; null unless both are known. */
export function between(from: string | null | undefined, to: string | null | undefined): number | null {
  if (from === null || from === undefined || to === null || to === undefined) {
    return null;
  }
  const ms = Date.parse(to) - Date.parse(from);
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

/** Reads "90s", "5 min", "1 h", "1h 30m" or a plain number of seconds; null when it is none of them. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim().toLowerCase();
  if (/^\d+(\.\d+)?$/.test(trimmed)) {
    return Math.round(Number(trimmed) * 1_000);
  }
  if (!/^(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+$/.test(trimmed)) {
    return null;
  }
  let total = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    const factor = UNITS[unit ?? ""];
    if (factor === undefined) {
      return null;
    }
    total += Number(amount) * factor;
  }
  return Math.round(total);
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  sec: 1_000,
  m: MINUTE,
  min: MINUTE,
  h: HOUR,
  hour: HOUR,
  hours: HOUR,
  d: DAY,
};

/** The shortest text that `parseDuration` reads back as the same value. */
export function durationText(ms: number): string {
  if (ms % HOUR === 0 && ms > 0) {
    return `${ms / HOUR} h`;
  }
  if (ms % MINUTE === 0 && ms > 0) {
    return `${ms / MINUTE} min`;
  }
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}

const BYTE_UNITS = ["B", "KB", "MB", "GB"] as const;

export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 1_000 && unit < BYTE_UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit] ?? "GB"}`;
}

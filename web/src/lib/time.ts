/** Moments for people. Every function takes `now` and zone, so that pages and tests agree on one instant. */

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

/** "now", "14 s ago", "3 min ago", "in 2 h", "5 d ago". Both in milliseconds since 1970. */
export function relativeTime(at: number, now: number): string {
  const distance = now - at;
  const size = Math.abs(distance);
  if (size < 2_000) {
    return "now";
  }
  const amount =
    size < MINUTE
      ? `${Math.floor(size / 1_000)} s`
      : size < HOUR
        ? `${Math.floor(size / MINUTE)} min`
        : size < 2 * DAY
          ? `${Math.floor(size / HOUR)} h`
          : `${Math.floor(size / DAY)} d`;
  return distance > 0 ? `${amount} ago` : `in ${amount}`;
}

/** `2026-11-21 09:03:27 Europe/Berlin`; the zone is always named. */
export function absoluteTime(at: number, zone: string): string {
  return `${zonedDate(at, zone)} ${zonedClock(at, zone, false)} ${zone}`;
}

/** `09:03:27.123`, for log lines. */
export function clockTime(at: number, zone: string): string {
  return zonedClock(at, zone, true);
}

export function viewerZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** When a relative text next changes, in milliseconds: seconds while fresh, then slower. */
export function refreshAfter(at: number, now: number): number {
  const size = Math.abs(now - at);
  return size < MINUTE ? 1_000 : size < HOUR ? 15_000 : 60_000;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known !== undefined) {
    return known;
  }
  const made = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  formatters.set(zone, made);
  return made;
}

function parts(at: number, zone: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    formatter(zone)
      .formatToParts(at)
      .map((part) => [part.type, part.value]),
  );
}

function zonedDate(at: number, zone: string): string {
  const part = parts(at, zone);
  return `${part["year"]}-${part["month"]}-${part["day"]}`;
}

function zonedClock(at: number, zone: string, withMs: boolean): string {
  const part = parts(at, zone);
  const ms = withMs ? `.${String(((at % 1_000) + 1_000) % 1_000).padStart(3, "0")}` : "";
  return `${part["hour"]}:${part["minute"]}:${part["second"]}${ms}`;
}

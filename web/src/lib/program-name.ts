/**
 * What a `User-Agent` is called by people: `Firefox on Windows`. Browsers name one another in it for compatibility, so
 * the more particular name is looked for first. Anything unknown stays as it is.
 */
const BROWSERS = [
  ["Edg", "Edge"],
  ["OPR", "Opera"],
  ["Firefox", "Firefox"],
  ["FxiOS", "Firefox"],
  ["CriOS", "Chrome"],
  ["HeadlessChrome", "Chrome"],
  ["Chrome", "Chrome"],
  ["Version", "Safari"],
] as const;

const SYSTEMS = [
  ["iPhone", "iPhone"],
  ["iPad", "iPad"],
  ["Android", "Android"],
  ["Windows", "Windows"],
  ["Macintosh", "macOS"],
  ["CrOS", "ChromeOS"],
  ["Linux", "Linux"],
] as const;

export function programName(userAgent: string): string {
  const browser = BROWSERS.find(([mark]) => userAgent.includes(`${mark}/`));
  const system = SYSTEMS.find(([mark]) => userAgent.includes(mark));
  if (!userAgent.startsWith("Mozilla/") || browser === undefined) {
    return userAgent;
  }
  return system === undefined ? browser[1] : `${browser[1]} on ${system[1]}`;
}

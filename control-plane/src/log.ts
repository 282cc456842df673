/** One JSON line per operation on the console, which wrangler and the launcher collect. */
import type { Clock, Log, LogFields } from "./domain/ports.ts";

/** Whatever looks like one of our tokens, in any field, is cut to its prefix. */
const TOKEN = /\b(crn[a-z]_)[A-Za-z0-9_.-]+/g;

export function consoleLog(clock: Clock, bound: LogFields = {}): Log {
  const write = (level: "info" | "warn" | "error", event: string, fields: LogFields = {}): void => {
    const at = new Date(clock.now()).toISOString();
    const line = JSON.stringify({ at, level, event, ...bound, ...fields }).replace(TOKEN, "$1…");
    console[level](line);
  };
  return {
    info: (event, fields) => write("info", event, fields),
    warn: (event, fields) => write("warn", event, fields),
    error: (event, fields) => write("error", event, fields),
    child: (fields) => consoleLog(clock, { ...bound, ...fields }),
  };
}

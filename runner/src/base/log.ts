/**
 * The runner's own log: one line per operation with a name, fields and ids. JSON for machines, plain text on a
 * terminal. Redaction sits here, so that no call site can forget it.
 */
import { makeRedactor, type Redactor } from "./redact.ts";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  readonly redactor: Redactor;
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A log that adds `fields` to each line. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  readonly write: (line: string, level: LogLevel) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function makeLog(options: LogOptions): Log {
  return childLog(options, makeRedactor(), {});
}

/** A log that keeps nothing; for tests and for parts that run before one exists. */
export function silentLog(): Log {
  return makeLog({ level: "error", format: "json", write: () => {}, now: () => 0 });
}

function childLog(options: LogOptions, redactor: Redactor, bound: LogFields): Log {
  const write = (level: LogLevel, event: string, fields: LogFields = {}): void => {
    if (logLevels.indexOf(level) < logLevels.indexOf(options.level)) {
      return;
    }
    const at = new Date(options.now()).toISOString();
    const all = { ...bound, ...fields };
    const line =
      options.format === "json"
        ? JSON.stringify({ at, level, event, ...all }, (_key, value: unknown) => describe(value))
        : `${at.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${event}${textFields(all)}`;
    options.write(redactor.text(line), level);
  };
  return {
    redactor,
    debug: (event, fields) => write("debug", event, fields),
    info: (event, fields) => write("info", event, fields),
    warn: (event, fields) => write("warn", event, fields),
    error: (event, fields) => write("error", event, fields),
    child: (fields) => childLog(options, redactor, { ...bound, ...fields }),
  };
}

function textFields(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const shown = describe(value);
      const text = typeof shown === "string" ? shown : JSON.stringify(shown);
      return ` ${key}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`;
    })
    .join("");
}

function describe(value: unknown): unknown {
  return value instanceof Error ? errorText(value) : value;
}

/** The message of anything thrown, with the messages of its causes. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const own = error.message === "" ? error.name : error.message;
  return error.cause instanceof Error ? `${own}: ${errorText(error.cause)}` : own;
}

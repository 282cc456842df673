/** Keeps what the runner prints in a file, and shows what a person has to know. */
import { appendFileSync, existsSync, renameSync, statSync } from "node:fs";

const MAX_BYTES = 10_485_760;

/** The file holds at most 10 MiB; the one before it is kept as `.1`. */
export function runnerLog(path: string, say: (line: string) => void): (line: string) => void {
  let size = existsSync(path) ? statSync(path).size : 0;
  return (line) => {
    if (size > MAX_BYTES) {
      renameSync(path, `${path}.1`);
      size = 0;
    }
    appendFileSync(path, `${line}\n`, { mode: 0o600 });
    size += Buffer.byteLength(line) + 1;
    const shown = worthShowing(line);
    if (shown !== null) {
      say(`runner: ${shown}`);
    }
  };
}

/** Null for routine lines. */
export function worthShowing(line: string): string | null {
  if (line.trim() === "") {
    return null;
  }
  if (line.startsWith("{")) {
    try {
      const { at: _at, level, event, ...fields } = JSON.parse(line) as Readonly<Record<string, unknown>>;
      const isNews = level === "warn" || level === "error" || isProgress(String(event));
      return isNews
        ? [event, ...Object.entries(fields).map(([key, value]) => `${key}=${String(value)}`)].join(" ")
        : null;
    } catch {
      return line;
    }
  }
  const text = /^\d\d:\d\d:\d\d\.\d{3} (DEBUG|INFO|WARN|ERROR)\s+(\S+)(.*)$/.exec(line);
  if (text === null) {
    // Not a line of its log: what it says to people, such as why it ends.
    return line;
  }
  const [, level, event = "", fields = ""] = text;
  return level === "WARN" || level === "ERROR" || isProgress(event) ? event + fields : null;
}

/** Making the images takes minutes: whoever waits wants to see it move. */
function isProgress(event: string): boolean {
  return event.startsWith("image");
}

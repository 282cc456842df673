/** How states, times and durations read in a terminal. */
import type { Cell } from "./table.ts";
import type { Style } from "./output.ts";

const STYLES: Readonly<Record<string, Style>> = {
  succeeded: "green",
  online: "green",
  failed: "red",
  timed_out: "red",
  lost: "red",
  starting: "blue",
  running: "blue",
  busy: "blue",
  waiting: "magenta",
  cancelling: "yellow",
  expired: "yellow",
  draining: "yellow",
  paused: "yellow",
  unreachable: "yellow",
};

export function stateCell(state: string): Cell {
  return { text: state, style: STYLES[state] ?? "gray" };
}

/** `3 min ago`, `in 2 h`; `-` for no time. */
export function ago(at: string | null, now: number): string {
  if (at === null) {
    return "-";
  }
  const ms = now - Date.parse(at);
  const text = span(Math.abs(ms));
  return ms < 0 ? `in ${text}` : `${text} ago`;
}

/** `840 ms`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function span(ms: number): string {
  if (ms < 1_000) {
    return `${Math.round(ms)} ms`;
  }
  const seconds = ms / 1_000;
  if (seconds < 60) {
    return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  }
  if (seconds < 3_600) {
    return `${Math.floor(seconds / 60)} min`;
  }
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** From start to end, or until now. */
export function took(startedAt: string | null, finishedAt: string | null, now: number): string {
  if (startedAt === null) {
    return "-";
  }
  return span((finishedAt === null ? now : Date.parse(finishedAt)) - Date.parse(startedAt));
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

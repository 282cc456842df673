import type { Tone } from "../lib/run-look.ts";

/** Text colour of each tone. */
export const toneText = {
  good: "text-good",
  bad: "text-bad",
  live: "text-live",
  hold: "text-hold",
  warn: "text-warn",
  quiet: "text-quiet",
} as const satisfies Record<Tone, string>;

/** Fill of each tone, for ticks and bars. */
export const toneFill = {
  good: "bg-good",
  bad: "bg-bad",
  live: "bg-live",
  hold: "bg-hold",
  warn: "bg-warn",
  quiet: "bg-quiet",
} as const satisfies Record<Tone, string>;

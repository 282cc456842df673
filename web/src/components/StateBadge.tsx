import {
  Ban,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleMinus,
  CirclePause,
  CircleStop,
  CircleX,
  Clock,
  Hourglass,
  LoaderCircle,
  type LucideIcon,
  PowerOff,
  ShieldAlert,
  SkipForward,
  TimerOff,
  Unplug,
} from "lucide-react";
import type { ReactNode } from "react";
import { attemptTones, runTones, runnerTones, toneOf } from "../lib/run-look.ts";
import { stateWord } from "../lib/text.ts";
import { classes } from "../ui/classes.ts";
import { icon } from "../ui/icons.ts";
import { toneText } from "../ui/tone.ts";

const ICONS: Readonly<Record<string, LucideIcon>> = {
  queued: CircleDashed,
  starting: LoaderCircle,
  running: CircleDot,
  waiting: Hourglass,
  cancelling: CircleStop,
  succeeded: CircleCheck,
  failed: CircleX,
  timed_out: TimerOff,
  cancelled: Ban,
  expired: Clock,
  skipped: SkipForward,
  offered: CircleDashed,
  accepted: LoaderCircle,
  finishing: CircleDot,
  lost: Unplug,
  declined: CircleMinus,
  online: CircleCheck,
  busy: CircleDot,
  paused: CirclePause,
  draining: CircleStop,
  unreachable: CircleAlert,
  offline: Unplug,
  quarantined: ShieldAlert,
  disabled: PowerOff,
};

const TABLES = { run: runTones, attempt: attemptTones, runner: runnerTones } as const;

export interface StateBadgeProps {
  readonly of: keyof typeof TABLES;
  readonly state: string;
  readonly size?: "row" | "title";
  /** Leaves the word to screen readers. */
  readonly iconOnly?: boolean;
}

/** A state as colour, icon and word. Only what runs right now moves. */
export function StateBadge({ of, state, size = "row", iconOnly = false }: StateBadgeProps): ReactNode {
  const Icon = ICONS[state] ?? CircleAlert;
  return (
    <span
      className={classes(
        "flex w-fit items-center gap-1.5 whitespace-nowrap",
        toneText[toneOf(TABLES[of], state)],
        size === "title" ? "text-15 font-semibold" : "text-13 font-medium",
      )}
    >
      <Icon {...icon} className={state === "running" ? "animate-breathe" : undefined} />
      <span className={iconOnly ? "sr-only" : undefined}>{stateWord(state)}</span>
    </span>
  );
}

/** What a run asks of its runner beside the labels that must all match. */
import type { EventDefinition, EventQueueing } from "@cronium/protocol";
import { containerOf, hasContainerSettings } from "@cronium/protocol/container-defaults";

export type Wishes = Pick<EventQueueing, "anyLabels" | "preferLabels" | "sticky"> & {
  /** It names secrets, so its runner must have a key that they are sealed to. Left out where it names none. */
  readonly secrets?: true;
  /** It has settings for its container, so its runner must know of such. Left out where it has none. */
  readonly container?: true;
  /** It runs without a container, so its runner needs no engine for one. Left out where it runs in one. */
  readonly process?: true;
};
type Labels = Readonly<Record<string, string>>;

/** The runner that took the event's last run counts for more than all preferences together. */
const STICKY = 10_000;

/** Asks for nothing but its labels. */
export const NO_WISHES: Wishes = { anyLabels: [], preferLabels: [], sticky: false };

/** Null for an event without any, which is the rule. */
export function wishesOf({ anyLabels, preferLabels, sticky }: EventQueueing): Wishes | null {
  return anyLabels.length === 0 && preferLabels.length === 0 && !sticky ? null : { anyLabels, preferLabels, sticky };
}

/** With what the definition of a run needs a runner to know of. */
export function withAbilities(
  wishes: Wishes | null,
  definition: Pick<EventDefinition, "secrets" | "container">,
): Wishes | null {
  const secrets = definition.secrets.length > 0;
  const container = hasContainerSettings(definition);
  if (!secrets && !container) {
    return wishes;
  }
  const { executor } = containerOf(definition);
  return {
    ...(wishes ?? NO_WISHES),
    ...(executor === "process" ? { process: true } : {}),
    ...(secrets ? { secrets } : {}),
    ...(container ? { container } : {}),
  };
}

export function matches(needs: Labels, has: Labels): boolean {
  return Object.entries(needs).every(([key, value]) => has[key] === value);
}

export function matchesAny({ anyLabels }: Wishes, has: Labels): boolean {
  return anyLabels.length === 0 || anyLabels.some((set) => matches(set, has));
}

/** How much a fitting runner is preferred; 0 for not at all. */
export function preference(
  { preferLabels, sticky }: Wishes,
  runner: { readonly id: string; readonly labels: Labels },
  lastRunnerId: string | null,
): number {
  const own = sticky && runner.id === lastRunnerId ? STICKY : 0;
  return preferLabels
    .filter(({ labels }) => matches(labels, runner.labels))
    .reduce((sum, { weight }) => sum + weight, own);
}

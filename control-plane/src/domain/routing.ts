/** Which runner gets a waiting run, and, when none does, why: naming the need, the fleet and the fix. */
import { notReadyReasons, type NotReadyReason } from "@cronium/protocol/runner-states";
import type { QueueReason } from "@cronium/protocol/run-states";
import { closestLabel } from "./label-hint.ts";
import { matches, matchesAny, NO_WISHES, preference, type Wishes } from "./wishes.ts";

/** A registered runner at this instant. */
export interface FleetMember {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Connected, and heard of within the last minute. */
  readonly online: boolean;
  readonly draining: boolean;
  /** Why it is held back; null when it is not. */
  readonly quarantine: string | null;
  /** A sentence that names it, when a person keeps it from work; null else. */
  readonly paused: string | null;
  readonly notReady: readonly string[];
  /** It declined a moment ago and is left alone for some seconds. */
  readonly heldOff: boolean;
  readonly slots: number;
  readonly slotsUsed: number;
  /** Whether secrets can be sealed to it. */
  readonly takesSecrets: boolean;
  /** Whether it knows the settings of a job's container. */
  readonly takesContainers: boolean;
}

export type Route =
  | { readonly kind: "runner"; readonly runner: FleetMember }
  | { readonly kind: "wait"; readonly queueReason: QueueReason; readonly message: string };

type Labels = Readonly<Record<string, string>>;

/** The matching runner that is preferred most, among those the one with most free slots, then by id. */
export function route(
  needs: Labels,
  fleet: readonly FleetMember[],
  wishes: Wishes = NO_WISHES,
  lastRunnerId: string | null = null,
): Route {
  const matching = fleet.filter((runner) => matches(needs, runner.labels) && matchesAny(wishes, runner.labels));
  const able = matching.filter((runner) => isAble(runner, wishes));
  const usable = able.filter((runner) => isUsable(runner, wishes));
  let best: FleetMember | null = null;
  for (const runner of usable) {
    const free = runner.slots - runner.slotsUsed;
    if (free <= 0) {
      continue;
    }
    const liked = preference(wishes, runner, lastRunnerId);
    const better = best === null ? 0 : liked - preference(wishes, best, lastRunnerId);
    const lead = best === null ? Number.POSITIVE_INFINITY : better || free - (best.slots - best.slotsUsed);
    if (best === null || lead > 0 || (lead === 0 && runner.id < best.id)) {
      best = runner;
    }
  }
  if (best !== null) {
    return { kind: "runner", runner: best };
  }
  if (usable.length > 0) {
    return {
      kind: "wait",
      queueReason: "runner_busy",
      message: `Every slot of ${count(usable.length, "matching runner")} is taken; it starts when one is free. Add a runner, or slots, to start sooner.`,
    };
  }
  const online = able.filter((runner) => runner.online);
  const tooOld = matching.filter((runner) => runner.online && !able.includes(runner));
  if (online.length === 0 && tooOld.length > 0) {
    return { kind: "wait", queueReason: "runner_not_ready", message: tooOldMessage(tooOld, wishes) };
  }
  if (online.length > 0) {
    return { kind: "wait", queueReason: "runner_not_ready", message: notReadyMessage(online) };
  }
  return {
    kind: "wait",
    queueReason: "no_matching_runner",
    message: noMatchMessage(needs, wishes, fleet, matching),
  };
}

function isAble(runner: FleetMember, wishes: Wishes): boolean {
  return (wishes.secrets !== true || runner.takesSecrets) && (wishes.container !== true || runner.takesContainers);
}

function tooOldMessage(runners: readonly FleetMember[], wishes: Wishes): string {
  const are = `${list(runners.map((runner) => runner.name))} ${runners.length === 1 ? "is" : "are"}`;
  return wishes.secrets === true && runners.every((runner) => !runner.takesSecrets)
    ? `It names secrets, and ${are} too old to be handed any. Upgrade the runner.`
    : `It has settings for its container, and ${are} too old to know them. Upgrade the runner.`;
}

/** Of no matter to a script that runs without a container. */
const OF_CONTAINERS: readonly string[] = ["docker_down", "images_missing"] satisfies NotReadyReason[];

function isUsable(runner: FleetMember, wishes: Wishes): boolean {
  const { online, draining, heldOff, quarantine, paused, notReady } = runner;
  return (
    online &&
    !draining &&
    !heldOff &&
    quarantine === null &&
    paused === null &&
    notReady.every((reason) => wishes.process === true && OF_CONTAINERS.includes(reason))
  );
}

function notReadyMessage(online: readonly FleetMember[]): string {
  return online
    .slice(0, 3)
    .map((runner) => {
      if (runner.quarantine !== null) {
        return `${runner.name} is quarantined: ${runner.quarantine} Look at the machine and release it on the Runners page.`;
      }
      if (runner.draining) {
        return `${runner.name} is draining and takes no new work.`;
      }
      if (runner.paused !== null) {
        return runner.paused;
      }
      const reason = runner.notReady[0];
      if (reason !== undefined) {
        return `${runner.name} is not ready: ${notReadyReasons[reason as NotReadyReason] ?? reason}`;
      }
      return `${runner.name} declined a moment ago; it is asked again in some seconds.`;
    })
    .join(" ");
}

function noMatchMessage(
  needs: Labels,
  wishes: Wishes,
  fleet: readonly FleetMember[],
  matching: readonly FleetMember[],
): string {
  const need = [text(needs), wishes.anyLabels.map(text).join(" or ")].filter((part) => part !== "").join(", ");
  if (fleet.length === 0) {
    return `No runner is registered yet${need === "" ? "" : ` (it needs ${need})`}. Add one on the Runners page.`;
  }
  if (matching.length > 0) {
    const names = list(matching.map((runner) => runner.name));
    return need === ""
      ? `No runner is online; registered: ${names}. Start one, or add another on the Runners page.`
      : `Needs ${need}; only ${names} ${matching.length === 1 ? "has" : "have"} it, and ${matching.length === 1 ? "it is" : "they are"} offline. Start it, or give the label to another runner.`;
  }
  const online = fleet.filter((runner) => runner.online).length;
  const carried = fleet.map((runner) => runner.labels);
  const missing = [needs, ...wishes.anyLabels]
    .flatMap((labels) => Object.entries(labels))
    .filter(([key, value]) => !carried.some((labels) => labels[key] === value));
  const meant = missing.flatMap(([key, value]) => closestLabel(key, value, carried) ?? []);
  const hint = meant.length === 0 ? "" : ` Did you mean ${[...new Set(meant)].join(", ")}?`;
  return `Needs ${need}; ${count(online, "runner")} online, none has it.${hint} Give the label to a runner, or take it off the event.`;
}

function text(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

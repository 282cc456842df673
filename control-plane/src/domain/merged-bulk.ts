/** Bulk work as a whole: each Dispatcher does the part that is about its own runs. */
import type { Bulk } from "@cronium/protocol";

/** Running while any part is; stopped when any part was. */
export function mergeBulk([first, ...others]: readonly [Bulk, ...Bulk[]]): Bulk {
  return others.reduce((a, b) => {
    const states = [a.state, b.state];
    const running = states.includes("running");
    const times = [a.finishedAt, b.finishedAt].filter((time) => time !== null);
    return {
      ...a,
      state: running ? "running" : states.includes("stopped") ? "stopped" : "finished",
      matched: a.matched + b.matched,
      done: a.done + b.done,
      failed: a.failed + b.failed,
      reasons: mergeReasons(a.reasons, b.reasons),
      finishedAt: running ? null : (times.toSorted().at(-1) ?? null),
    };
  }, first);
}

function mergeReasons(a: Bulk["reasons"], b: Bulk["reasons"]): Bulk["reasons"] {
  const sums = new Map(a.map((reason) => [reason.code, reason]));
  for (const reason of b) {
    const known = sums.get(reason.code);
    sums.set(reason.code, known === undefined ? reason : { ...known, count: known.count + reason.count });
  }
  return [...sums.values()];
}

/**
 * Giving a queue a shard of its own, and taking it home.
 *
 * Out: home tells the new shard its rules first, and then changes its route in one turn; a trigger before that turn is
 * made at home, one after it in the shard. Home: the shard lets go first, for good, and then home changes its route; a
 * trigger in between is answered `moved` and placed again. That the shard is asked is written down before, so that the
 * alarm goes on with it after a crash.
 */
import { HOME_SHARD, MAX_SHARD } from "@cronium/protocol/ids";
import type { Queue } from "@cronium/protocol";
import type { Outcome, Refusal } from "../../domain/dispatcher.ts";
import type { Stamp } from "../../domain/act.ts";
import { noGrantYet } from "./allowances.ts";
import { writeAudit } from "./audit.ts";
import { takeOver } from "./handovers.ts";
import { leftOf } from "./leftovers.ts";
import { readQueue } from "./queues.ts";
import { addShard, shardsMessage, writeRoute } from "./shards.ts";
import { wakeBy, type Route, type Shell } from "./shell.ts";
import { rulesOf } from "./tell.ts";
import { inTurn } from "./turns.ts";

const AGAIN_MS = 1_000;
const never: Route = { shard: HOME_SHARD, generation: 0, previous: null, leaving: false, owned: {} };

export async function setQueueShard(
  shell: Shell,
  { name, own, by }: { readonly name: string; readonly own: boolean; readonly by: Stamp },
): Promise<Outcome<Queue>> {
  const route = shell.routes.get(name) ?? never;
  if (own !== (route.shard !== HOME_SHARD) || (route.leaving && own)) {
    const refusal = (await stillMoving(shell, name, route)) ?? (await move(shell, name, route, { own, by }));
    if (refusal !== null) {
      return refusal;
    }
  } else if (route.leaving) {
    await goHome(shell, name);
  }
  return { ok: true, value: readQueue(shell, name) };
}

/** Whether the Dispatcher that had the queue before this one has runs of it: a third may not have it then. */
async function stillMoving(shell: Shell, queue: string, { previous, leaving }: Route): Promise<Refusal | null> {
  const message = `Runs of the queue ${queue} from before its last move have not ended.`;
  const refusal: Refusal = { ok: false, code: "shard_conflict", message };
  if (leaving) {
    return refusal;
  }
  if (previous === null) {
    return null;
  }
  const { left } =
    previous === HOME_SHARD
      ? leftOf(shell, queue)
      : await shell.deps.dispatcherFor(shell.workspaceId, previous).leftOf(queue);
  return left ? refusal : null;
}

async function move(
  shell: Shell,
  queue: string,
  route: Route,
  { own, by }: { readonly own: boolean; readonly by: Stamp },
): Promise<Refusal | null> {
  if (!own) {
    inTurn(shell, (turn) => {
      writeRoute(shell, queue, { ...route, leaving: true });
      writeAudit(shell, turn, by, { verb: "queue.shard_left", target: queue, before: { shard: route.shard } });
      wakeBy(turn, movesDueAt(shell, turn.now));
    });
    await goHome(shell, queue);
    return null;
  }
  const shard = freeShard(shell);
  if (shard === null) {
    const message = `At most ${MAX_SHARD} queues can have a shard of their own.`;
    return { ok: false, code: "shard_conflict", message };
  }
  inTurn(shell, (turn) => {
    addShard(shell, turn, shard);
    noGrantYet(shell, turn, shard);
  });
  await shell.deps.dispatcherFor(shell.workspaceId, shard).learn({ rules: rulesOf(shell) });
  const done = inTurn(shell, (turn) => {
    const now = shell.routes.get(queue) ?? never;
    const taken = [...shell.routes.values()].some((other) => other.shard === shard);
    if (now.generation !== route.generation || taken) {
      return false;
    }
    const generation = now.generation + 1;
    const owned = { ...now.owned, [shard]: generation };
    writeRoute(shell, queue, { shard, generation, previous: HOME_SHARD, leaving: false, owned });
    writeAudit(shell, turn, by, { verb: "queue.shard_given", target: queue, after: { shard } });
    for (const runner of shell.fleet.values()) {
      if (runner.connected) {
        turn.frames.push({ runnerId: runner.id, message: shardsMessage(shell) });
      }
    }
    return true;
  });
  if (!done) {
    return {
      ok: false,
      code: "shard_conflict",
      message: `Another change came between; the queue ${queue} was not moved.`,
    };
  }
  shell.deps.log.info("queue.moved", { workspaceId: shell.workspaceId, queue, shard });
  return null;
}

/** The lowest number whose shard has no queue; it may be an old one. */
function freeShard(shell: Shell): number | null {
  const taken = new Set([...shell.routes.values()].map(({ shard }) => shard));
  for (let shard = HOME_SHARD + 1; shard <= MAX_SHARD; shard += 1) {
    if (!taken.has(shard)) {
      return shard;
    }
  }
  return null;
}

async function goHome(shell: Shell, queue: string): Promise<void> {
  const { shard, generation } = shell.routes.get(queue) ?? never;
  await shell.deps.dispatcherFor(shell.workspaceId, shard).releaseQueue({ queue, generation });
  inTurn(shell, (turn) => {
    const now = shell.routes.get(queue);
    if (now?.leaving !== true || now.generation !== generation) {
      return;
    }
    const next = { ...now, shard: HOME_SHARD, generation: generation + 1, previous: shard, leaving: false };
    writeRoute(shell, queue, next);
    takeOver(shell, turn, { queue, ...next });
  });
  shell.deps.log.info("queue.moved", { workspaceId: shell.workspaceId, queue, shard: HOME_SHARD });
}

/** Goes on with moves that a crash, or a shard that did not answer, has left half-way. Never throws. */
export async function finishMoves(shell: Shell): Promise<void> {
  for (const [queue, { leaving }] of shell.routes) {
    if (leaving) {
      try {
        await goHome(shell, queue);
      } catch (error) {
        shell.deps.log.warn("queue.not_released", { workspaceId: shell.workspaceId, queue, error: String(error) });
      }
    }
  }
}

export function movesDueAt(shell: Shell, now: number): number {
  return [...shell.routes.values()].some(({ leaving }) => leaving) ? now + AGAIN_MS : Number.POSITIVE_INFINITY;
}

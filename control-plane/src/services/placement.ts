/**
 * Triggers, wherever their queue is. Home is asked first: most often it makes the run in that very call. A queue with a
 * shard of its own gets its runs there, as home has placed them; see `domain/sharding.ts` for the steps and repeats.
 */
import { AppError } from "@cronium/protocol/errors";
import { HOME_SHARD, shardOf } from "@cronium/protocol/ids";
import type { Deps } from "../deps.ts";
import type { DispatcherApi, EnqueueCommand, Enqueued, Outcome } from "../domain/dispatcher.ts";
import type { Moved, Placement } from "../domain/sharding.ts";
import { dispatcherOfRun } from "./dispatchers.ts";

/** While a queue comes home its triggers wait for home and the shard to agree, for at most five seconds. */
const TRIES = 50;
const PAUSE_MS = 100;

type PlacementDeps = Pick<Deps, "dispatcherFor" | "knownShards">;

export async function enqueueRun(
  deps: PlacementDeps,
  workspaceId: string,
  command: EnqueueCommand,
): Promise<Outcome<Enqueued>> {
  const known = await withDefinition(deps, workspaceId, command);
  const outcome = await deps.dispatcherFor(workspaceId).enqueue(known);
  if (!outcome.ok || outcome.value.placement === undefined) {
    return outcome;
  }
  const [placed] = await follow(deps, workspaceId, [known], [outcome], ([one]) =>
    Promise.all(one === undefined ? [] : [deps.dispatcherFor(workspaceId).enqueue(one)]),
  );
  return placed ?? outcome;
}

export async function enqueueRuns(
  deps: PlacementDeps,
  workspaceId: string,
  batch: Parameters<DispatcherApi["enqueueBatch"]>[0],
): Promise<Outcome<readonly Outcome<Enqueued>[]>> {
  const home = deps.dispatcherFor(workspaceId);
  const outcomes = await home.enqueueBatch(batch);
  if (!outcomes.ok || outcomes.value.every((one) => !one.ok || one.value.placement === undefined)) {
    return outcomes;
  }
  const value = await follow(deps, workspaceId, batch.commands, outcomes.value, async (commands) => {
    const again = await home.enqueueBatch({ commands, cause: batch.cause });
    return again.ok ? again.value : commands.map(() => again);
  });
  return { ok: true, value };
}

/**
 * Takes each command to where home has placed it, and back to home (`placeAgain`) where the queue has moved meanwhile.
 * `first`: home's outcomes, in the order of the commands.
 */
export async function follow(
  deps: PlacementDeps,
  workspaceId: string,
  commands: readonly EnqueueCommand[],
  first: readonly Outcome<Enqueued>[],
  placeAgain: (commands: readonly EnqueueCommand[]) => Promise<readonly Outcome<Enqueued>[]>,
): Promise<readonly Outcome<Enqueued>[]> {
  const outcomes = [...first];
  for (let tries = 0; tries < TRIES; tries += 1) {
    const moved = new Map<number, EnqueueCommand>();
    for (const { placement, members } of groups(outcomes)) {
      const placed = members.map(({ i, runId }) => inPlace(commands[i], runId, placement));
      const answers = await enqueueIn(deps, workspaceId, placed, placement);
      for (const [k, { i, runId }] of members.entries()) {
        const answer = answers[k];
        const command = commands[i];
        if (answer !== undefined && command !== undefined && "moved" in answer) {
          moved.set(i, { ...command, abandoned: { runId, released: answer.released } });
        } else if (answer !== undefined && !("moved" in answer)) {
          outcomes[i] = answer;
        }
      }
    }
    if (moved.size === 0) {
      return outcomes;
    }
    await scheduler.wait(PAUSE_MS);
    const again = await placeAgain([...moved.values()]);
    for (const [k, i] of [...moved.keys()].entries()) {
      outcomes[i] = again[k] ?? notTaken();
    }
  }
  return outcomes.map((outcome) => (outcome.ok && outcome.value.placement !== undefined ? notTaken() : outcome));
}

function notTaken(): Outcome<Enqueued> {
  const message = "The queue is moving between shards and took no trigger for five seconds.";
  return { ok: false, code: "not_available", message };
}

interface Group {
  readonly placement: Placement;
  readonly members: { readonly i: number; readonly runId: string }[];
}

/** Commands that one shard gets in one call. */
function groups(outcomes: readonly Outcome<Enqueued>[]): readonly Group[] {
  const found = new Map<string, Group>();
  for (const [i, outcome] of outcomes.entries()) {
    const placement = outcome.ok ? outcome.value.placement : undefined;
    if (outcome.ok && placement !== undefined) {
      const { shard, generation, queue, event } = placement;
      // A definition belongs to one command alone.
      const own = placement.definition === undefined ? "" : i;
      const key = JSON.stringify([shard, generation, queue, event, own]);
      const group = found.get(key) ?? { placement, members: [] };
      found.set(key, group);
      group.members.push({ i, runId: outcome.value.runId });
    }
  }
  return [...found.values()];
}

function inPlace(command: EnqueueCommand | undefined, runId: string, { definition }: Placement): EnqueueCommand {
  if (command === undefined) {
    throw new Error("a placement without its command");
  }
  const { target } = command;
  const own = target.kind === "retry" && definition !== undefined ? { ...target.run, definition } : null;
  return {
    ...command,
    runId,
    // Without a key of the caller's the run's id is the cause.
    causeKey: command.causeKey === command.runId ? runId : command.causeKey,
    target: own === null ? target : { kind: "retry", run: own },
  };
}

async function enqueueIn(
  deps: PlacementDeps,
  workspaceId: string,
  commands: readonly EnqueueCommand[],
  placement: Placement,
): Promise<readonly (Outcome<Enqueued> | Moved)[]> {
  const shard = deps.dispatcherFor(workspaceId, placement.shard);
  const answer = await shard.enqueuePlaced({ commands, placement });
  if (answer.kind === "done") {
    return answer.outcomes;
  }
  const { eventId, versions } = answer;
  const copy = await deps.dispatcherFor(workspaceId).copyEvent({ eventId, versions });
  if (copy !== null) {
    await shard.learn({ events: [copy], needed: true });
    const again = await shard.enqueuePlaced({ commands, placement });
    if (again.kind === "done") {
      return again.outcomes;
    }
  }
  throw new AppError("not_available", `The versions ${versions.join(", ")} of ${eventId} did not reach their shard.`);
}

/** An ad-hoc run that a shard keeps is repeated with the definition that lies there. */
export async function withDefinition(
  deps: PlacementDeps,
  workspaceId: string,
  command: EnqueueCommand,
): Promise<EnqueueCommand> {
  const { target } = command;
  if (target.kind !== "retry" || target.run.eventId !== null || shardOf(target.run.id) === HOME_SHARD) {
    return command;
  }
  const keeper = await dispatcherOfRun(deps, workspaceId, target.run.id);
  const definition = await keeper.ownDefinition(target.run.id);
  return { ...command, target: { kind: "retry", run: { ...target.run, definition } } };
}

/** Triggers that home has placed: the shard's side. */
import type { EnqueueCommand } from "../../domain/dispatcher.ts";
import type { PlacedAnswer, Placement } from "../../domain/sharding.ts";
import { enqueue } from "./enqueue.ts";
import { lacksVersions } from "./event-copies.ts";
import { takeOver } from "./handovers.ts";
import { readRun } from "./run-rows.ts";
import type { Shell, Turn } from "./shell.ts";

export function enqueuePlaced(
  shell: Shell,
  turn: Turn,
  { commands, placement }: { readonly commands: readonly EnqueueCommand[]; readonly placement: Placement },
): PlacedAnswer {
  const { queue, generation, event } = placement;
  const released = releasedUnder(shell, queue);
  const isOver = generation <= released;
  // What was made before the queue moved is still the answer to its repeats.
  const taken = commands.map((command) => !isOver || isKnown(shell, command));
  if (taken.includes(true)) {
    const lacking = event === null ? [] : lacksVersions(shell, event.id, event.versions);
    if (event !== null && lacking.length > 0) {
      return { kind: "lacks", eventId: event.id, versions: lacking };
    }
  }
  if (!isOver) {
    takeOver(shell, turn, placement);
  }
  const outcomes = commands.map((command, i) =>
    taken[i] === true ? enqueue(shell, turn, command) : ({ moved: true, released } as const),
  );
  return { kind: "done", outcomes };
}

export function releaseQueue(
  shell: Shell,
  { queue, generation }: { readonly queue: string; readonly generation: number },
): void {
  shell.sql.exec(
    `INSERT INTO released (queue, generation) VALUES (?1, ?2)
     ON CONFLICT (queue) DO UPDATE SET generation = excluded.generation WHERE excluded.generation > generation`,
    queue,
    generation,
  );
}

/** A queue that this shard never had: everything of generation 0, which stands for "not placed here". */
function releasedUnder(shell: Shell, queue: string): number {
  const row = shell.sql.exec("SELECT generation FROM released WHERE queue = ?", queue).toArray()[0];
  return (row?.["generation"] ?? 0) as number;
}

function isKnown(shell: Shell, { runId, causeKey }: EnqueueCommand): boolean {
  return (
    readRun(shell, runId) !== null ||
    (causeKey !== runId && shell.sql.exec("SELECT 1 FROM causes WHERE key = ?", causeKey).toArray().length > 0)
  );
}

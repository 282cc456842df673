/** What must have come about once every fault is over and some time has passed. */
import { isLiveAttempt, isTerminal } from "@cronium/protocol/run-states";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** Whether nothing is left to wait for but what waits with a reason. */
export function isQuiet(world: World): boolean {
  try {
    checkLiveness(world);
    return true;
  } catch (error) {
    if (error instanceof Violation) {
      return false;
    }
    throw error;
  }
}

export function checkLiveness(world: World): void {
  const { safety, object, d1, machines } = world;
  const { runs, attempts } = safety.snapshot;
  const projected = d1.revs("runs");
  for (const run of runs.values()) {
    // What no runner can ever take may go on waiting, and what a person has to decide: its runner was revoked.
    const waits =
      run.message !== null &&
      ((run.state === "queued" && run.queue_reason === "no_matching_runner") ||
        (run.state === "waiting" && world.revoked.has(run.runner_id ?? "")));
    if (!isTerminal(run.state) && !waits) {
      throw new Violation("L1", `${run.id} is still ${run.state} (${run.queue_reason}): ${run.message}`);
    }
    if (projected.get(run.id) !== run.rev) {
      throw new Violation("I14", `D1 holds rev ${projected.get(run.id)} of ${run.id}, the Dispatcher ${run.rev}`);
    }
  }
  for (const runId of safety.acknowledged()) {
    if (!runs.has(runId) && !projected.has(runId)) {
      throw new Violation("I1", `${runId} was acknowledged and is nowhere`);
    }
  }
  for (const [key, row] of attempts) {
    if (isLiveAttempt(row.state)) {
      throw new Violation("L1", `${key} is still ${row.state}`);
    }
  }
  safety.schedules.checkLiveness(object.storage, world.serverNow(), object.armed);
  safety.chains.checkLiveness(object.storage);
  const outbox = object.storage.read("SELECT kind, id FROM outbox");
  if (outbox.length > 0) {
    throw new Violation("L2", `the outbox still holds ${JSON.stringify(outbox)}`);
  }
  for (const machine of machines) {
    if (world.revoked.has(machine.id)) {
      continue;
    }
    if (!machine.connected) {
      throw new Violation("L3", `${machine.id} is ${machine.up ? "up but not connected" : "down"}`);
    }
    for (const container of machine.containers.all) {
      throw new Violation("L4", `${container.runId}/${container.attempt} is still on ${machine.id}`);
    }
  }
}

/** The runners of a workspace as one list: home's view, with what its shards see of them. */
import type { Runner } from "@cronium/protocol";

export function mergeRunners([home, ...shards]: readonly [readonly Runner[], ...(readonly Runner[])[]]): Runner[] {
  return home.map((runner) => {
    const seen = shards.flat().filter(({ id }) => id === runner.id);
    const used = seen.reduce((sum, { slotsUsed }) => sum + slotsUsed, 0);
    // Each Dispatcher judges by the runs that it has given it.
    const held = runner.quarantine === null ? seen.find(({ quarantine }) => quarantine !== null) : undefined;
    return {
      ...runner,
      // Home is told the slots that the shards leave it.
      slots: runner.slots + used,
      slotsUsed: runner.slotsUsed + used,
      ...(held === undefined ? {} : { quarantine: held.quarantine, state: held.state }),
    };
  });
}

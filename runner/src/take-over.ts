/**
 * A new process takes the place of the one that uses the data folder, without stopping its jobs: for an upgrade.
 *
 * The old process answers, kills its sidecar, lets go of the folder and ends, as suddenly as a crash; the new one goes on
 * with the journal and the containers, as it would after one. So nothing has to be carried over that could be forgotten.
 */
import { type Clock, delay } from "./base/clock.ts";
import { ExitError } from "./base/exit-error.ts";
import type { Log } from "./base/log.ts";
import { askRunner, NoRunner } from "./control/client.ts";
import { type DataDir, openDataDir } from "./data-dir.ts";

const WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 20;

/** The folder, locked by this process. Throws `ExitError` when the old process does not let go of it. */
export async function takeOver(
  path: string,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<DataDir> {
  try {
    const answer = await askRunner(path, { type: "hand_over" });
    log.info("runner.taking_over", { from: answer });
  } catch (error) {
    if (!(error instanceof NoRunner)) {
      throw error;
    }
    log.info("runner.nothing_to_take_over", { dataDir: path });
  }
  const until = clock.monotonic() + WITHIN_MS;
  for (;;) {
    try {
      return openDataDir(path);
    } catch (error) {
      const taken = error instanceof ExitError && error.reason === "conflict";
      if (!taken || clock.monotonic() > until) {
        throw error;
      }
    }
    await delay(clock, LOOK_EVERY_MS);
  }
}

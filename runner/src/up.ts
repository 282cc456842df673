/** `cronium-runner up`: gets hold of the data folder and an identity, and runs until told to stop. */
import { loadPolicy } from "./policy.ts";
import { openDataDir } from "./data-dir.ts";
import { takeOver } from "./take-over.ts";
import { establishIdentity } from "./identity.ts";
import { type ProgramOptions, RunnerProgram } from "./runner-program.ts";

/** Throws `ExitError` when it cannot start; otherwise resolves with the exit code once everything is stopped. */
export async function up(options: ProgramOptions): Promise<number> {
  const { config, log } = options;
  const policy = loadPolicy(config.policyFiles, config.policyRequired);
  const dataDir = config.takeOver ? await takeOver(config.dataDir, options) : openDataDir(config.dataDir);
  try {
    const identity = await establishIdentity(config, log);
    const runner = new RunnerProgram(options, policy, dataDir, identity);
    return await runner.run();
  } finally {
    dataDir.release();
  }
}

/**
 * Whether this machine takes new jobs, decided by a person at it. A file in the data folder says so, so that a runner
 * that is started again stays paused.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "./base/log.ts";

export class Pause {
  private readonly file: string;
  private readonly log: Log;
  private readonly changed: () => void;
  paused: boolean;

  constructor(dataDir: string, log: Log, changed: () => void) {
    this.file = join(dataDir, "paused");
    this.log = log;
    this.changed = changed;
    this.paused = existsSync(this.file);
  }

  /** Throws what the file system says when the decision cannot be kept. */
  set(paused: boolean): void {
    if (paused) {
      writeFileSync(this.file, "", { mode: 0o600 });
    } else {
      rmSync(this.file, { force: true });
    }
    if (paused !== this.paused) {
      this.paused = paused;
      this.log.info(paused ? "runner.paused" : "runner.resumed", {});
      this.changed();
    }
  }
}

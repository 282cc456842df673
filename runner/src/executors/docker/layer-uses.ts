/** When layers were last used: an empty file for each, changed by every use, so that a restart of the runner forgets none. */
import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class LayerUses {
  private readonly folder: string;
  private readonly now: () => number;

  /** `now` in milliseconds since 1970. */
  constructor(folder: string, now: () => number) {
    this.folder = folder;
    this.now = now;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Throws when the disk takes nothing. */
  note(name: string): void {
    const path = join(this.folder, name);
    writeFileSync(path, "", { mode: 0o600 });
    const seconds = this.now() / 1_000;
    utimesSync(path, seconds, seconds);
  }

  /** 0 for one of which no use is known. */
  lastOf(name: string): number {
    return statSync(join(this.folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  forget(name: string): void {
    rmSync(join(this.folder, name), { force: true });
  }
}

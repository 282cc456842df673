/**
 * Keeps the built-in images on this machine: looks which are missing, has them made in the background, and looks again
 * when someone may have removed them. Jobs are declined meanwhile, and accepted as soon as their image is there.
 */
import type Docker from "dockerode";
import { isMutableImage, runtimes, type Runtime } from "@cronium/protocol";
import type { Clock } from "../../base/clock.ts";
import { errorText, type Log } from "../../base/log.ts";

import { buildImages, type ImageFiles, type ImageTable, loadImageTable } from "./images.ts";

/** After a failed build: rarely enough not to burden the machine with what fails again. */
const BUILD_AGAIN_MS = 60_000;

export interface ImageShelfOptions {
  readonly docker: Docker;
  readonly clock: Clock;
  readonly log: Log;
  readonly files: ImageFiles;
  /** Called when the set of missing images differs. */
  readonly changed: () => void;
}

export class ImageShelf {
  private readonly options: ImageShelfOptions;
  private readonly stop = new AbortController();
  private table: ImageTable | null = null;
  private looking: Promise<void> | null = null;
  private building: Promise<void> | null = null;
  private cancelTimer = (): void => {};
  private lastMadeAt = Number.NEGATIVE_INFINITY;
  /** Runtimes whose image is not here; all of them before the first look. */
  missing: readonly Runtime[] = runtimes;

  constructor(options: ImageShelfOptions) {
    this.options = options;
  }

  tagOf(runtime: Runtime): string | null {
    return this.table?.[runtime] ?? null;
  }

  /** Looks which images are here, and starts making the missing ones without waiting for them. */
  look(): Promise<void> {
    this.looking ??= this.lookNow().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  /** Resolves once a look that is under way has ended. */
  async settled(): Promise<void> {
    await this.looking;
  }

  private async lookNow(): Promise<void> {
    this.cancelTimer();
    const { docker, log, changed } = this.options;
    try {
      this.table ??= await this.loadTable();
      const table = this.table;
      const wanted = runtimes.filter((runtime) => table[runtime] !== undefined);
      const here = await Promise.all(wanted.map((runtime) => hasImage(docker, table[runtime] ?? "")));
      const missing = wanted.filter((_runtime, index) => here[index] === false);
      const differs = missing.join() !== this.missing.join();
      this.missing = missing;
      if (differs) {
        changed();
      }
    } catch (error) {
      log.error("images.unknown", { problem: errorText(error) });
      this.lookLater();
      return;
    }
    if (this.missing.length === 0 || this.stop.signal.aborted) {
      return;
    }
    if (this.options.clock.monotonic() - this.lastMadeAt < BUILD_AGAIN_MS) {
      log.error("images.still_missing", { runtimes: this.missing });
      this.lookLater();
    } else {
      this.building ??= this.make(this.missing).finally(() => {
        this.building = null;
      });
    }
  }

  private async loadTable(): Promise<ImageTable> {
    const table = await loadImageTable(this.options.files);
    for (const [runtime, image] of Object.entries(table)) {
      if (isMutableImage(image)) {
        this.options.log.warn("image.mutable_tag", {
          runtime,
          image,
          problem: "The image behind this tag may change between two runs; name a fixed tag or a digest.",
        });
      }
    }
    return table;
  }

  async close(): Promise<void> {
    this.stop.abort();
    this.cancelTimer();
    await this.building;
  }

  private async make(missing: readonly Runtime[]): Promise<void> {
    const { files, log } = this.options;
    const begin = this.options.clock.monotonic();
    log.info("images.missing", { runtimes: missing });
    if (files.buildScript === null) {
      log.error("images.cannot_build", { problem: "this installation brings no build script" });
      return;
    }
    try {
      await buildImages(files.buildScript, missing, (line) => log.info("images.progress", { line }), this.stop.signal);
    } catch (error) {
      if (!this.stop.signal.aborted) {
        log.error("images.failed", { problem: errorText(error) });
        this.lookLater();
      }
      return;
    }
    this.lastMadeAt = this.options.clock.monotonic();
    log.info("images.built", { runtimes: missing, ms: Math.round(this.options.clock.monotonic() - begin) });
    // After this promise has settled, so that a build which left something missing may run again.
    this.cancelTimer = this.options.clock.after(0, () => void this.look());
  }

  private lookLater(): void {
    if (!this.stop.signal.aborted) {
      this.cancelTimer = this.options.clock.after(BUILD_AGAIN_MS, () => void this.look());
    }
  }
}

export async function hasImage(docker: Docker, tag: string): Promise<boolean> {
  try {
    await docker.getImage(tag).inspect();
    return true;
  } catch (error) {
    if (error instanceof Error && (error as Error & { statusCode?: unknown }).statusCode === 404) {
      return false;
    }
    throw error;
  }
}

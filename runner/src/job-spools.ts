/** What attempts print, on its way to the control plane: who ships it, and the folder where it waits. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { AttemptRef } from "@cronium/protocol";
import type { Clock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import type { JobLogs } from "./job-logs.ts";
import type { Links } from "./links.ts";
import { LogShip } from "./loops/log-ship.ts";
import { apiUrl } from "./plane-url.ts";
import type { LogSink } from "./run/deps.ts";

export interface JobSpoolsOptions {
  /** Holds a folder for each attempt. */
  readonly folder: string;
  /** Of the control plane. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly links: () => Links;
  readonly jobLogs: JobLogs;
}

export class JobSpools {
  private readonly options: JobSpoolsOptions;

  constructor(options: JobSpoolsOptions) {
    this.options = options;
  }

  sink(ref: AttemptRef): LogSink {
    const { clock, log, links, jobLogs } = this.options;
    const url = apiUrl(this.options.url, `runner/logs/${encodeURIComponent(ref.runId)}`);
    url.searchParams.set("attempt", String(ref.attempt));
    return new LogShip({
      ref,
      url: url.href,
      folder: this.folderOf(ref),
      clock,
      log: log.child({ runId: ref.runId, attempt: ref.attempt }),
      random: Math.random,
      planeReachable: () => links().openFor(ref.runId),
      transport: () => links().transport,
      protocol: () => links().protocolFor(ref.runId),
      onFrame: jobLogs.of(ref),
    });
  }

  remove(ref: AttemptRef): void {
    rmSync(this.folderOf(ref), { recursive: true, force: true });
  }

  private folderOf(ref: AttemptRef): string {
    return join(this.options.folder, spoolName(ref));
  }
}

/** Of the attempt's folder. */
export function spoolName(ref: AttemptRef): string {
  return `${ref.runId}-${ref.attempt}`;
}

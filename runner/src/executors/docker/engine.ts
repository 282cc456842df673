/**
 * Watches the Docker Engine: whether it answers, and its version. It is asked every 5 s, or every second while it is
 * down, so that the runner comes back by itself; a sign seen elsewhere (`suspect`) makes it ask at once.
 *
 * Every look is over a connection of its own. An engine that shuts down first stops listening, then stops its
 * containers, and meanwhile goes on answering over connections it has: those would call it well.
 */
import type Docker from "dockerode";
import * as z from "zod";
import type { Clock } from "../../base/clock.ts";
import { errorText, type Log } from "../../base/log.ts";
import { isPodman } from "./engine-facts.ts";

const LOOK_EVERY_MS = 5_000;
const LOOK_WHILE_DOWN_MS = 1_000;
const ANSWER_WITHIN_MS = 5_000;

const Version = z.object({
  Version: z.string(),
  Components: z.array(z.object({ Name: z.string() })).nullish(),
});

export interface EngineOptions {
  /** A client that dials for every question. */
  readonly docker: Docker;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when it goes down or comes up. */
  readonly changed: (up: boolean) => void;
}

export class Engine {
  private readonly options: EngineOptions;
  private cancelTimer = (): void => {};
  private closed = false;
  private looking: Promise<void> | null = null;
  version: string | null = null;
  /** Podman answers in Docker's place; as of the last answer. */
  podman = false;
  /** What the last look failed with; null while it answers. */
  problem: string | null = "It has not been asked yet.";

  constructor(options: EngineOptions) {
    this.options = options;
  }

  get up(): boolean {
    return this.version !== null;
  }

  /** Asks now; the next look follows by itself. */
  look(): Promise<void> {
    this.looking ??= this.ask().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  /**
   * Something happened that an engine that goes away would cause. Resolves after a look that began after it: what is
   * reported then finds the runner not ready, so that its retry is not sent to the same engine. Never rejects.
   */
  async suspect(): Promise<void> {
    await this.looking;
    await this.look();
  }

  close(): void {
    this.closed = true;
    this.cancelTimer();
  }

  private async ask(): Promise<void> {
    this.cancelTimer();
    const wasUp = this.up;
    const firstLook = this.problem === "It has not been asked yet.";
    try {
      const { version, podman } = await engineVersion(this.options.docker, this);
      this.version = version;
      this.podman = podman;
      this.problem = null;
    } catch (error) {
      this.version = null;
      this.problem = errorText(error);
    }
    if (this.closed) {
      return;
    }
    this.cancelTimer = this.options.clock.after(this.up ? LOOK_EVERY_MS : LOOK_WHILE_DOWN_MS, () => void this.look());
    if (this.up !== wasUp || firstLook) {
      if (this.up) {
        this.options.log.info("docker.up", { version: this.version });
      } else {
        this.options.log.warn("docker.down", { problem: this.problem });
      }
      this.options.changed(this.up);
    }
  }
}

/** What it is, with a plain ping when that is known already. Throws when the daemon does not answer in 5 s. */
async function engineVersion(
  docker: Docker,
  { version: known, podman }: Pick<Engine, "version" | "podman">,
): Promise<{ readonly version: string; readonly podman: boolean }> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    timeout.reject(new Error(`Docker did not answer within ${ANSWER_WITHIN_MS} ms`));
  }, ANSWER_WITHIN_MS);
  try {
    if (known !== null) {
      await Promise.race([docker.ping(), timeout.promise]);
      return { version: known, podman };
    }
    const { Version: version, Components: parts } = Version.parse(
      await Promise.race([docker.version(), timeout.promise]),
    );
    return { version, podman: parts?.some(({ Name: name }) => isPodman(name)) === true };
  } finally {
    clearTimeout(timer);
  }
}

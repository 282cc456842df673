/**
 * Hears of signals that Docker sends to our containers and that nobody here asked for: an engine that is shut down
 * stops its containers itself, and so does a person with `docker stop`. From the exit code alone such an end looks like
 * the script's own.
 *
 * Example: `systemctl restart docker` in the middle of a job. The engine sends SIGTERM, the script ends with 143, the
 * engine reports that exit, and only then stops answering. The `kill` event came before the exit, on another
 * connection, so it may arrive a moment after it.
 */
import type Docker from "dockerode";
import * as z from "zod";
import { type Clock, delay } from "../../base/clock.ts";
import { errorText, type Log } from "../../base/log.ts";

/** How long the event may be behind the exit. */
const BEHIND_MS = 250;
/** Containers remembered; those removed by force are never asked about. */
const REMEMBERED = 1_000;

const KillEvent = z.object({ Actor: z.object({ ID: z.string() }) });

export class KillWatch {
  private readonly docker: Docker;
  private readonly runnerId: string;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly ended: () => void;
  private readonly killed = new Set<string>();
  private stream: { destroy(): void } | null = null;
  private closed = false;

  /** `ended` is called when the engine ends the stream, which is among the first things it does when it shuts down. */
  constructor(options: { docker: Docker; runnerId: string; clock: Clock; log: Log; ended: () => void }) {
    this.docker = options.docker;
    this.runnerId = options.runnerId;
    this.clock = options.clock;
    this.log = options.log;
    this.ended = options.ended;
  }

  /** Listens from now on; called whenever the engine has come up. Never rejects. */
  async open(): Promise<void> {
    if (this.stream !== null || this.closed) {
      return;
    }
    try {
      // As text: the package's types know neither the list form of `type` nor a stream that can be destroyed.
      const filters = JSON.stringify({
        type: ["container"],
        event: ["kill"],
        label: [`cronium.runner=${this.runnerId}`],
      });
      const stream = (await this.docker.getEvents({ filters })) as unknown as NodeJS.ReadableStream & {
        destroy(): void;
      };
      this.stream = stream;
      let carry = "";
      stream.on("data", (bytes: Buffer) => {
        const lines = (carry + bytes.toString()).split("\n");
        carry = lines.pop() ?? "";
        for (const line of lines.filter((text) => text.trim() !== "")) {
          this.note(line);
        }
      });
      for (const name of ["end", "close", "error"]) {
        stream.on(name, () => {
          this.lost(stream);
        });
      }
    } catch (error) {
      this.log.warn("docker.events_unavailable", { problem: errorText(error) });
    }
  }

  /** Whether Docker signalled this container. Waits for an event that is a moment behind. */
  async wasKilled(containerId: string): Promise<boolean> {
    if (!this.killed.has(containerId)) {
      await delay(this.clock, BEHIND_MS);
    }
    return this.killed.has(containerId);
  }

  forget(containerId: string): void {
    this.killed.delete(containerId);
  }

  close(): void {
    this.closed = true;
    this.stream?.destroy();
  }

  /** The engine may be up all the same; where it is not, `open` follows when it is. */
  private lost(stream: object): void {
    if (this.stream === stream) {
      this.stream = null;
      if (!this.closed) {
        this.ended();
      }
      this.clock.after(BEHIND_MS, () => void this.open());
    }
  }

  private note(line: string): void {
    try {
      this.killed.add(KillEvent.parse(JSON.parse(line)).Actor.ID);
      const [oldest] = this.killed;
      if (this.killed.size > REMEMBERED && oldest !== undefined) {
        this.killed.delete(oldest);
      }
    } catch (error) {
      this.log.warn("docker.event_unreadable", { problem: errorText(error) });
    }
  }
}

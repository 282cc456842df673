/**
 * The runtime API of a container whose engine shares no folder with this machine: a program inside listens on
 * 127.0.0.1, and Docker's `exec` carries its connections here, to the slot's own socket. The program runs with the
 * rights and limits of the job, and ends with its container or when this end goes; then it is started anew.
 */
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type Docker from "dockerode";
import type { Runtime } from "@cronium/protocol";
import { type Clock, delay } from "../../base/clock.ts";
import { errorText, type Log } from "../../base/log.ts";
import { ExecutorError } from "../types.ts";
import { statusOf } from "./answer.ts";
import { makeDemux } from "./demux.ts";
import { Tunnel } from "./tunnel.ts";

/** Where jobs find the runtime API then. */
export const TUNNEL_ADDRESS = "http://127.0.0.1:8081";

/** The program waits a minute for its port, which an earlier one may hold. */
const READY_WITHIN_MS = 90_000;
/** The program gives up a stream that is silent for a minute. */
const ALIVE_EVERY_MS = 15_000;
const AGAIN_AFTER_MS = 200;
const AGAIN_CAP_MS = 5_000;
/** Docker's own codes for a program that cannot be run. */
const CANNOT_RUN = [126, 127];
const MOST_SAID = 2_000;

const commands: Readonly<Record<Runtime, readonly string[]>> = {
  python: ["python3", "-I", "-S", "/cronium/tunnel.py"],
  node: ["node", "--v8-pool-size=0", "--max-semi-space-size=1", "/cronium/tunnel.cjs"],
  bash: ["perl", "/cronium/tunnel.pl"],
};
const DOORS = ["api.sock", "proxy.sock"];

export interface ExecTunnelOptions {
  readonly docker: Docker;
  readonly clock: Clock;
  readonly log: Log;
  readonly container: Docker.Container;
  readonly runtime: Runtime;
  /** With the slot's sockets. */
  readonly folder: string;
}

export class ExecTunnel {
  private readonly options: ExecTunnelOptions;
  private readonly closing = new AbortController();
  private stream: Duplex | null = null;

  constructor(options: ExecTunnelOptions) {
    this.options = options;
  }

  /**
   * Resolves when the container takes connections, or has ended. Rejects with `ExecutorError`, or with what Docker says,
   * when it cannot. It is kept open from then on.
   */
  async open(): Promise<void> {
    const opened = Promise.withResolvers<void>();
    void this.keepOpen(opened);
    await opened.promise;
  }

  close(): void {
    this.closing.abort();
    this.stream?.destroy();
  }

  private async keepOpen(opened: PromiseWithResolvers<void>): Promise<void> {
    const { clock, log, container } = this.options;
    let failures = 0;
    let wasOpen = false;
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        const end = await this.live(() => {
          failures = 0;
          wasOpen = true;
          opened.resolve();
        });
        if (end !== null) {
          log.warn("tunnel.given_up", { container: container.id, problem: end });
          break;
        }
        log.debug("tunnel.ended", { container: container.id });
      } catch (error) {
        if (signal.aborted || !(await this.isRunning())) {
          break;
        }
        if (!wasOpen) {
          opened.reject(error);
          return;
        }
        log.debug("tunnel.not_opened", { container: container.id, problem: errorText(error) });
      }
      failures += 1;
      await delay(clock, Math.min(AGAIN_CAP_MS, AGAIN_AFTER_MS * failures), signal);
    }
    // A container that has ended needs none: how it ended is told elsewhere.
    opened.resolve();
  }

  private async isRunning(): Promise<boolean> {
    try {
      return (await this.options.container.inspect()).State.Running;
    } catch (error) {
      return statusOf(error) !== 404;
    }
  }

  /** One run of the program. Resolves with why there shall be no other, null where nothing speaks against it. */
  private async live(ready: () => void): Promise<string | null> {
    const { clock, container, runtime, folder } = this.options;
    const exec = await container.exec({
      Cmd: [...commands[runtime]],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      // Perl says so where a locale is missing, which is nothing to it here.
      Env: ["PERL_BADLANG=0"],
      WorkingDir: "/",
    });
    const stream: Duplex = await exec.start({ hijack: true, stdin: true });
    this.stream = stream;
    if (this.closing.signal.aborted) {
      stream.destroy();
      return null;
    }
    let isReady = false;
    let violation: string | null = null;
    let said = "";
    /** Docker prints there why a program cannot be run; a frame that comes first begins with 0. */
    let frames: boolean | null = null;
    const tunnel = new Tunnel({
      write: (bytes) => void stream.write(bytes),
      queued: () => stream.writableLength,
      target: (door) => (DOORS[door] === undefined ? null : join(folder, DOORS[door])),
      ready: () => {
        isReady = true;
        ready();
      },
      broken: (why) => {
        violation = why;
        stream.destroy();
      },
    });
    const cancelLate = clock.after(READY_WITHIN_MS, () => {
      if (!isReady) {
        stream.destroy();
      }
    });
    const cancelAlive = clock.every(ALIVE_EVERY_MS, () => tunnel.alive());
    const take = makeDemux((name, bytes) => {
      if (name === "stdout") {
        frames ??= bytes[0] === 0;
      }
      if (name === "stdout" && frames === true) {
        tunnel.take(bytes);
      } else {
        said = (said + Buffer.from(bytes).toString()).slice(0, MOST_SAID);
      }
    });
    stream.on("data", take);
    await new Promise<void>((resolve) => {
      for (const name of ["end", "close", "error"]) {
        stream.on(name, () => resolve());
      }
    });
    cancelLate();
    cancelAlive();
    tunnel.close();
    stream.destroy();
    if (isReady) {
      return violation;
    }
    const { ExitCode: code } = await exec.inspect();
    throw new ExecutorError("start_failed", whyNot(runtime, code, said));
  }
}

function whyNot(runtime: Runtime, code: number | null, said: string): string {
  const [program = ""] = commands[runtime];
  const text = said.trim().split("\n").at(-1) ?? "";
  if (code !== null && CANNOT_RUN.includes(code)) {
    return `The runtime API is tunnelled here (--api-transport stdio), which needs ${program} in the image for ${runtime} scripts: ${text}`;
  }
  return `The tunnel of the runtime API (--api-transport stdio) could not be opened: ${text === "" ? `it ended with ${code ?? "no code"}` : text}`;
}

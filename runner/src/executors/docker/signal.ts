/** Signals to a container, which may have ended meanwhile, and to an engine that may hang on it. */
import type Docker from "dockerode";
import type { Clock } from "../../base/clock.ts";
import { errorText, type Log } from "../../base/log.ts";
import { isDaemonGone } from "../../base/retryable.ts";
import { answerWithin } from "./answer.ts";

/** For a signal to one container; an engine that is well and takes longer hangs on it. */
const SIGNAL_WITHIN_MS = 5_000;

export type Signal = "SIGTERM" | "SIGKILL";

/** Throws only where the daemon is gone. */
export async function sendSignal(
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  container: Docker.Container,
  signal: Signal,
): Promise<void> {
  try {
    const ask = (abortSignal: AbortSignal): Promise<unknown> => container.kill({ signal, abortSignal });
    await answerWithin(clock, SIGNAL_WITHIN_MS, `send ${signal} to the container`, ask);
  } catch (error) {
    if (isDaemonGone(error)) {
      throw error;
    }
    // It has ended meanwhile (404, 409), and `exited` tells how; or Docker hangs on it, and the next step follows.
    log.debug("docker.not_signalled", { container: container.id, signal, problem: errorText(error) });
  }
}

/** A run's log as it is printed, over the run's live socket, resumed by its cursor when the connection breaks. */
import { decodeLogFrame, type LogFrame } from "@cronium/protocol/log-frame";
import { RunLiveMessage } from "@cronium/protocol/live";
import { Run } from "@cronium/protocol/run";
import { isTerminal } from "@cronium/protocol/run-states";
import { ExitError } from "../base/exit-error.ts";
import { backoffMs, MAX_FOLLOW_FAILURES, sleep } from "../base/retryable.ts";
import { type Api, checked } from "./client.ts";

export interface Follower {
  onFrame(frame: LogFrame): void;
  onRun(run: Run): void;
}

/** A log that is still being written this long after the run's end is given up: its runner is gone. */
const DRAIN_MS = 65_000;
/** The same for one of which nothing has been seen. */
const SILENT_DRAIN_MS = 2_000;
const CLOSED: ReadonlySet<string> = new Set(["complete", "incomplete", "truncated"]);

/** Resolves with the run once it has ended and its log with it. Throws `notFound`, `auth`, `network`. */
export async function followRun(api: Api, runId: string, follower: Follower): Promise<Run> {
  const position = { attempt: 1, offset: 0 };
  for (let failures = 0; ; failures += 1) {
    // Also tells a run that is not there, and a key that is not valid, from a socket that breaks.
    await api.json("GET", `/runs/${runId}`, Run);
    let heard = false;
    const ended = await connectOnce(api, runId, position, {
      onRun: (run) => {
        heard = true;
        follower.onRun(run);
      },
      onFrame: (frame) => {
        const { attempt, offset } = frame.header;
        const end = offset + frame.payload.length;
        const seen = attempt < position.attempt || (attempt === position.attempt && end <= position.offset);
        if (!seen || (frame.header.gap !== undefined && end === position.offset)) {
          Object.assign(position, { attempt, offset: end });
          follower.onFrame(frame);
        }
      },
    });
    if (ended !== null) {
      return ended;
    }
    failures = heard ? 0 : failures;
    if (failures >= MAX_FOLLOW_FAILURES) {
      throw new ExitError(
        "network",
        `The live connection to ${api.url} breaks again and again.`,
        "Try again later; the run goes on.",
      );
    }
    await sleep(backoffMs(failures + 1, Math.random()));
  }
}

/** One connection: the run when all is over, null when the connection broke before. */
function connectOnce(
  api: Api,
  runId: string,
  { attempt, offset }: { readonly attempt: number; readonly offset: number },
  follower: Follower,
): Promise<Run | null> {
  const address = new URL(`${api.url}/api/v1/runs/${runId}/live`);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  if (attempt > 1 || offset > 0) {
    address.searchParams.set("cursor", `${attempt}:${offset}`);
  }
  const socket = new WebSocket(address, { headers: api.headers() });
  socket.binaryType = "arraybuffer";
  return new Promise((resolve, reject) => {
    let run: Run | null = null;
    let caughtUp = false;
    let logEnd = 0;
    let drain: NodeJS.Timeout | undefined;
    const finish = (result: Run | null): void => {
      clearTimeout(drain);
      socket.close();
      resolve(result);
    };
    const look = (): void => {
      if (run === null || !caughtUp || !isTerminal(run.state)) {
        return;
      }
      const last = run;
      if (last.attempt === 0 || logEnd >= last.attempt || CLOSED.has(last.logState)) {
        finish(last);
      } else {
        drain ??= setTimeout(() => finish(last), last.logState === "none" ? SILENT_DRAIN_MS : DRAIN_MS);
      }
    };
    socket.addEventListener("message", ({ data }: { readonly data: string | ArrayBuffer }) => {
      try {
        if (typeof data !== "string") {
          const decoded = decodeLogFrame(new Uint8Array(data));
          if (decoded.ok) {
            follower.onFrame(decoded.frame);
          }
          return;
        }
        const message = checked(RunLiveMessage, JSON.parse(data), "the live socket");
        if (message.type === "run") {
          run = message.run;
          follower.onRun(run);
        } else if (message.type === "caught_up") {
          caughtUp = true;
        } else if (message.type === "log_end") {
          logEnd = Math.max(logEnd, message.attempt);
        }
        look();
      } catch (error) {
        clearTimeout(drain);
        socket.close();
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.addEventListener("error", () => finish(null));
    socket.addEventListener("close", () => finish(null));
  });
}

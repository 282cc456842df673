/**
 * One run, watched: its state and its whole log over one socket. The log resumes behind the last byte that arrived, so
 * a lost connection neither repeats nor loses a line.
 */
import type { RunLiveMessage } from "@cronium/protocol/live";
import type { Run } from "@cronium/protocol/run";
import { isTerminal } from "@cronium/protocol/run-states";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { LogBuffer } from "../lib/log/buffer.ts";
import { readFrame } from "../lib/log/frame.ts";
import { apiPaths } from "../lib/paths.ts";
import { keys } from "./keys.ts";
import { type ConnectionStatus, openLiveSocket } from "./live-socket.ts";

export interface RunLive {
  readonly buffer: LogBuffer;
  readonly connection: ConnectionStatus;
  readonly isCaughtUp: boolean;
}

/** Watches a run while the page is open; the newest state lands in the query cache under `keys.run`. */
export function useRunLive(runId: string): RunLive {
  const client = useQueryClient();
  const [buffer, setBuffer] = useState(() => new LogBuffer());
  const [connection, setConnection] = useState<ConnectionStatus>("connecting");
  const [isCaughtUp, setCaughtUp] = useState(false);

  useEffect(() => {
    const log = new LogBuffer();
    setBuffer(log);
    setCaughtUp(false);
    // Written by the socket's messages, read when it closes: a run that is over and read to its end has no more.
    const seen = { isOver: false, isComplete: false };
    const close = openLiveSocket({
      path: () => {
        const cursor = log.cursor();
        return apiPaths.runLive(runId) + (cursor === null ? "" : `?cursor=${cursor}`);
      },
      onStatus: setConnection,
      onBinary: (bytes) => {
        const frame = readFrame(bytes);
        if (frame !== null) {
          log.append(frame);
        }
      },
      onText: (value) => {
        const message = value as RunLiveMessage;
        switch (message.type) {
          case "run":
            seen.isOver = isTerminal(message.run.state);
            client.setQueryData<Run>(keys.run(runId), (known) =>
              known !== undefined && known.rev > message.run.rev ? known : message.run,
            );
            break;
          case "caught_up":
            setCaughtUp(true);
            seen.isComplete = seen.isOver;
            break;
          case "log_end":
            log.end(message.attempt, message.logState);
            break;
          case "error":
            break;
          default:
            // A newer control plane may say more than this page knows.
            message satisfies never;
        }
      },
      wantsMore: () => !(seen.isOver && seen.isComplete),
    });
    return close;
  }, [runId, client]);

  return { buffer, connection, isCaughtUp };
}

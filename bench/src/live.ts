/** Watches one run over its live socket, as the dashboard does. */
import { RunLiveMessage, decodeLogFrame, isTerminal, type LogFrame, type Run } from "@cronium/protocol";
import WebSocket from "ws";
import type { Plane } from "./plane.ts";
import { within } from "./wait.ts";

/** Hands every log frame to `onFrame`, and resolves with the run once it has ended and its log is closed. */
export function watchRun(plane: Plane, runId: string, onFrame: (frame: LogFrame) => void): Promise<Run> {
  const socket = new WebSocket(`${plane.url.replace("http", "ws")}/api/v1/runs/${runId}/live`, {
    headers: plane.headers,
  });
  const ended = new Promise<Run>((resolve, reject) => {
    let last: Run | null = null;
    let closed = false;
    socket.once("error", reject);
    socket.once("close", (code) => reject(new Error(`The live socket of ${runId} was closed with ${code}.`)));
    socket.on("message", (bytes: Buffer, binary: boolean) => {
      if (binary) {
        const decoded = decodeLogFrame(bytes);
        if (!decoded.ok) {
          reject(new Error(decoded.message));
          return;
        }
        onFrame(decoded.frame);
        return;
      }
      const message = RunLiveMessage.parse(JSON.parse(bytes.toString()));
      if (message.type === "run") {
        last = message.run;
      }
      closed ||= message.type === "log_end";
      if (closed && last !== null && isTerminal(last.state)) {
        resolve(last);
      }
    });
  });
  return within(`run ${runId} to end`, 120_000, ended).finally(() => socket.terminate());
}

/** Watches runs over live sockets, as the dashboard does. */
import {
  decodeLogFrame,
  isTerminal,
  RunLiveMessage,
  WorkspaceLiveMessage,
  type LogFrame,
  type Run,
  type RunState,
} from "@cronium/protocol";
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

export interface WorkspaceWatch {
  /** Resolves with the state that the run ends in. */
  end(runId: string): Promise<RunState>;
  /** Runs in each state, as the messages so far tell. */
  count(state: RunState): number;
  close(): void;
}

const END_WITHIN_MS = 300_000;

/** From now on; runs that end before are not seen. */
export async function watchWorkspace(plane: Plane): Promise<WorkspaceWatch> {
  const socket = new WebSocket(`${plane.url.replace("http", "ws")}/api/v1/live`, { headers: plane.headers });
  const states = new Map<string, { readonly rev: number; readonly state: RunState }>();
  const waiting = new Map<string, (state: RunState) => void>();
  socket.on("message", (bytes: Buffer) => {
    const message = WorkspaceLiveMessage.parse(JSON.parse(bytes.toString()));
    if (message.type !== "run") {
      return;
    }
    const { id, rev, state } = message.run;
    if (rev > (states.get(id)?.rev ?? 0)) {
      states.set(id, { rev, state });
      if (isTerminal(state)) {
        waiting.get(id)?.(state);
        waiting.delete(id);
      }
    }
  });
  await within(
    "the workspace's live socket",
    15_000,
    new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    }),
  );
  return {
    end: (runId) => {
      const known = states.get(runId)?.state;
      const ended = new Promise<RunState>((resolve) => {
        if (known !== undefined && isTerminal(known)) {
          resolve(known);
        } else {
          waiting.set(runId, resolve);
        }
      });
      return within(`run ${runId} to end`, END_WITHIN_MS, ended);
    },
    count: (state) => [...states.values()].filter((one) => one.state === state).length,
    close: () => socket.terminate(),
  };
}

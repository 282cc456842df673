/** Asks the runner that runs on a data folder, over its control socket. */
import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { ExitError } from "../base/exit-error.ts";
import { errorText } from "../base/log.ts";
import { ControlReply, type ControlRequest } from "./messages.ts";
import { controlSocketPath } from "./server.ts";

/** For an answer that is computed at once; a runner that takes longer is stuck. */
const ANSWER_WITHIN_MS = 30_000;

/** No runner runs there. */
export class NoRunner extends ExitError {
  constructor(dataDir: string, cause: unknown) {
    super(
      "usage",
      `No runner answers on ${dataDir}.`,
      "Start one with cronium-runner up, or name its folder with --data-dir.",
      { cause },
    );
  }
}

export type OnLog = (stream: string, text: string) => void;

/** The value of the answer. Throws `NoRunner`, or `ExitError` with the runner's own sentence when it refuses. */
export async function askRunner(dataDir: string, request: ControlRequest, onLog: OnLog = () => {}): Promise<unknown> {
  const socket = createConnection(controlSocketPath(dataDir));
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
  } catch (error) {
    socket.destroy();
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") {
      const fix = "Run the command as the user of the runner, or as root.";
      throw new ExitError("usage", `The runner on ${dataDir} belongs to another user.`, fix, { cause: error });
    }
    throw new NoRunner(dataDir, error);
  }
  const follows = request.type === "logs" && request.follow === true;
  socket.setTimeout(follows ? 0 : ANSWER_WITHIN_MS, () => socket.destroy(new Error("it did not answer in time")));
  let broke: unknown = null;
  socket.on("error", (error) => {
    broke = error;
  });
  socket.write(`${JSON.stringify(request)}\n`);
  try {
    for await (const line of createInterface({ input: socket })) {
      const reply = ControlReply.parse(JSON.parse(line));
      if (reply.type === "ok") {
        return reply.value;
      }
      if (reply.type === "refused") {
        throw new ExitError("usage", reply.message, "See cronium-runner status.");
      }
      onLog(reply.stream, reply.text);
    }
  } finally {
    socket.destroy();
  }
  if (follows) {
    return null;
  }
  const why = broke === null ? "it hung up" : errorText(broke);
  throw new ExitError("internal", `The runner on ${dataDir} did not answer: ${why}.`, "Look at its own log.");
}

/** `cronium logs --download`: the bytes of a log in a file, and on stderr how whole they are. */
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { LogState } from "@cronium/protocol/run-states";
import { Run } from "@cronium/protocol/run";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Cli } from "./context.ts";

const WHOLENESS: Readonly<Record<LogState, string>> = {
  none: "nothing was printed",
  live: "the log goes on: this is what was there",
  complete: "the log is complete",
  incomplete: "the log is incomplete: some of what was printed never reached the control plane",
  truncated: "the log is truncated: it reached its size limit, and the rest was dropped",
};

export interface LogDownload {
  readonly runId: string;
  readonly file: string;
  readonly stream: string | undefined;
  readonly attempt: number | undefined;
}

/** Never over a file that is there, and never half a file: one that broke off is taken away again. */
export async function downloadLog(cli: Cli, api: Api, download: LogDownload): Promise<void> {
  const { runId, file, stream, attempt } = download;
  // Asked before: a log that is whole now is whole when it is read.
  const { logState } = await api.json("GET", `/runs/${runId}`, Run);
  const { body } = await api.send("GET", `/runs/${runId}/logs`, {
    query: { format: "text", stream, attempt },
    isLong: true,
  });
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const source = Readable.fromWeb((body ?? new Blob([]).stream()) as Parameters<typeof Readable.fromWeb>[0]);
  const target = createWriteStream(file, { flags: "wx", mode: 0o600 });
  await pipeline(source, counted, target).catch(async (cause: unknown) => {
    const code = String((cause as NodeJS.ErrnoException).code ?? cause);
    if (code === "EEXIST") {
      throw new ExitError("usage", `${file} is there already.`, "Give the name of a new file.", { cause });
    }
    await rm(file, { force: true });
    throw new ExitError("failure", `${file} was not written whole (${code}).`, "Try again.", { cause });
  });
  const wholeness = WHOLENESS[logState as LogState] ?? `its state is ${logState}`;
  const part = stream === undefined ? "" : ` of ${stream}`;
  cli.out.say(`${bytes} bytes${part} written to ${file}; ${wholeness}`);
}

/** `cronium logs`: what a run printed, all of it, or as it comes. */
import { followRun } from "../api/live.ts";
import { InertText } from "../base/inert.ts";
import type { Input } from "../base/input.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Cli } from "./context.ts";
import { downloadLog } from "./log-download.ts";
import { makeLogPrinter } from "./log-print.ts";
import { segment } from "./runs.ts";

export async function logs(cli: Cli, input: Input): Promise<void> {
  const runId = segment(input.arg(0));
  const { out } = cli;
  const choice = {
    stream: input.text("stream"),
    attempt: input.number("attempt", 1, 1_000_000),
    raw: input.flag("raw"),
  };
  const file = input.text("download");
  if (file !== undefined && input.flag("follow")) {
    throw new ExitError("usage", "--download takes what is there, --follow goes on.", "Give one of them.");
  }
  const api = await cli.connect();
  if (file !== undefined) {
    await downloadLog(cli, api, { runId, file, stream: choice.stream, attempt: choice.attempt });
    return;
  }
  if (input.flag("follow")) {
    const printer = makeLogPrinter(out, choice, (line) => out.item(line));
    const run = await followRun(api, runId, { onFrame: (frame) => printer.push(frame), onRun: () => undefined });
    printer.end();
    out.say(`${run.id} ${run.state}; its log is ${run.logState}`);
    return;
  }
  const response = await api.send("GET", `/runs/${runId}/logs`, {
    query: { format: out.json ? "ndjson" : "text", stream: choice.stream, attempt: choice.attempt },
    isLong: true,
  });
  const isFiltered = out.terminal && !choice.raw && !out.json;
  const decoder = new TextDecoder();
  const inert = new InertText();
  for await (const chunk of response.body ?? []) {
    const text: string | Uint8Array = isFiltered ? inert.push(decoder.decode(chunk, { stream: true })) : chunk;
    await written(text);
  }
  if (isFiltered) {
    await written(inert.push(decoder.decode()) + inert.end());
  }
}

/** A log may be larger than memory: the next piece is read when this one is out. */
function written(piece: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout.write(piece)) {
      resolve();
    } else {
      process.stdout.once("drain", resolve);
    }
  });
}

/** What a job is handed, and what it reports: the calls that need nobody but this process and the runner. */
import { AppError, echo, ExitReport, type Json, MAX_OUTPUT_BYTES } from "@cronium/protocol";
import { bound, type Call, empty, readFields, send, sendText } from "./call.ts";
import { renewToken, TOKEN_LIFE_S } from "./execution-token.ts";
import { flushProgress } from "./notes.ts";
import { readJson } from "./request-body.ts";
import { shellJob } from "./shell-job.ts";

const MAX_EXIT_BYTES = 256;
/** Levels that the frames and records around an output add: it must not make one of them too deep. */
const AROUND_OUTPUT = 4;

export async function getHealth({ response }: Call): Promise<void> {
  send(response, 200, { status: "ok" });
}

export async function getMetrics({ response, slot }: Call): Promise<void> {
  sendText(response, 200, slot.metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
}

/** Waits for the job, hands it out once, and remembers that only when the answer has left. */
export async function getJob(call: Call): Promise<void> {
  const { context, slot, response, url } = call;
  if (url.searchParams.get("ended") === "0" && slot.handedOut && slot.bind?.job.reuse !== undefined) {
    flushProgress(call);
    free(slot);
    context.emit({ type: "free", slot: slot.name });
  }
  await Promise.race([slot.bound.promise, new Promise((resolve) => response.once("close", resolve))]);
  if (response.destroyed || slot.bind === null) {
    return;
  }
  if (slot.handedOut) {
    throw new AppError("attempt_not_active", "The job was handed out already.");
  }
  slot.handedOut = true;
  response.once("close", () => {
    if (response.writableFinished) {
      context.emit({ type: "handed_out", slot: slot.name });
    } else {
      slot.handedOut = false;
    }
  });
  const { job } = slot.bind;
  if (url.searchParams.get("format") === "shell") {
    sendText(response, 200, shellJob(job), "text/plain; charset=utf-8");
  } else {
    send(response, 200, job);
  }
}

/** Its job is over and its token dead; it may get another. */
function free(slot: Call["slot"]): void {
  slot.bind = null;
  slot.tokenId = null;
  slot.verified = null;
  slot.handedOut = false;
  slot.bound = Promise.withResolvers<void>();
}

export async function postExit(call: Call): Promise<void> {
  const { context, slot, response } = call;
  const { code } = await readFields(call, ExitReport, MAX_EXIT_BYTES);
  flushProgress(call);
  context.emit({ type: "exit", slot: slot.name, code });
  empty(response);
}

export async function getInput({ slot, response }: Call): Promise<void> {
  send(response, 200, bound(slot).input);
}

export async function getContext({ slot, response }: Call): Promise<void> {
  send(response, 200, bound(slot).context);
}

export async function getSecret({ slot, response, url, name }: Call): Promise<void> {
  const { secrets } = bound(slot);
  const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
  if (value === undefined) {
    throw new AppError("secret_not_found", `The event does not name a secret ${echo(name)}; add it to its secrets.`);
  }
  if (url.searchParams.get("format") === "text") {
    sendText(response, 200, value, "text/plain; charset=utf-8");
  } else {
    send(response, 200, value);
  }
}

export async function postOutput({ context, slot, request, response }: Call): Promise<void> {
  const value: Json = await readJson(request, MAX_OUTPUT_BYTES, "output_too_large", AROUND_OUTPUT);
  if (!(await context.store(slot.name, value))) {
    throw new AppError("not_available", "The runner could not store the output.");
  }
  empty(response);
}

export async function postToken({ context, slot, response }: Call): Promise<void> {
  const { context: run, attempt } = bound(slot);
  const token = await renewToken(context.key, run.runId, attempt);
  // First hidden, then handed out: the job may print it at once.
  if (!(await context.conceal(slot.name, token))) {
    throw new AppError("not_available", "The runner could not hide a new token in the log.");
  }
  send(response, 200, { token, expiresInMs: TOKEN_LIFE_S * 1_000 });
}

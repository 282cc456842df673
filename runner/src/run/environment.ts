/** What a job finds in its environment, and the token that opens its own runtime API. */
import { createHash, randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import type { Job, RunContext } from "@cronium/protocol";

const TOKEN_LIFE_S = 3_600;

/** A token for this attempt alone; `nowMs` in milliseconds since 1970. */
export function executionToken(key: Uint8Array, job: Job, nowMs: number): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1_000);
  return new SignJWT()
    .setProtectedHeader({ alg: "HS256", typ: "cronium-execution+jwt" })
    .setAudience("cronium-runtime")
    .setSubject(`${job.runId}:${job.attempt}`)
    .setJti(randomBytes(16).toString("base64url"))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + TOKEN_LIFE_S)
    .sign(key);
}

/** `secrets` are all that the job was handed; those that its event asks for are set under their names. */
export function jobEnvironment(
  job: Job,
  token: string,
  secrets: Readonly<Record<string, string>>,
): Record<string, string> {
  const shown = job.definition.secretEnv.flatMap((name) => {
    const value = secrets[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...job.definition.env,
    ...Object.fromEntries(shown),
    CRONIUM_RUN_ID: job.runId,
    CRONIUM_EVENT: job.eventName,
    CRONIUM_ATTEMPT: String(job.attempt),
    CRONIUM_API: "unix:///run/cronium/api.sock",
    CRONIUM_TOKEN: token,
    TRACEPARENT: traceParent(job.runId),
    CI: "true",
  };
}

export function runContext(job: Job, runnerName: string, nowMs: number): RunContext {
  return {
    runId: job.runId,
    attempt: job.attempt,
    eventId: job.eventId,
    eventName: job.eventName,
    eventVersion: job.eventVersion,
    workspaceId: job.workspaceId,
    trigger: job.trigger,
    runnerName,
    queuedAt: new Date(job.queuedAt).toISOString(),
    startedAt: new Date(nowMs).toISOString(),
    timeoutMs: job.definition.timeoutMs,
    memoryMb: job.definition.memoryMb,
  };
}

/** W3C Trace Context: all attempts of a run share a trace, each is a span of its own. */
function traceParent(runId: string): string {
  const trace = createHash("sha256").update(runId).digest("hex").slice(0, 32);
  return `00-${trace}-${randomBytes(8).toString("hex")}-01`;
}

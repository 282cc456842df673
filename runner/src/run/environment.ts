/** What a job finds in its environment, and the token that opens its own runtime API. */
import { createHash, randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import { containerOf, type Job, type RunContext } from "@cronium/protocol";
import type { Egress, RunDeps } from "./deps.ts";

/** Where the forwarder in the container listens; it has a loopback of its own. */
const PROXY = "http://127.0.0.1:3128";
/** What a script serves to itself; an event may say otherwise. */
const DIRECT = "localhost,127.0.0.1,::1";
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

/**
 * `secrets` are all that the job was handed; those that its event asks for are set under their names. `api`: where it
 * finds the sidecar, where that is not the socket mounted into it.
 */
export function jobEnvironment(
  job: Job,
  token: string,
  secrets: Readonly<Record<string, string>>,
  api?: string,
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
    CRONIUM_API: api ?? "unix:///run/cronium/api.sock",
    CRONIUM_TOKEN: token,
    ...proxyEnvironment(job, api !== undefined),
    TRACEPARENT: traceParent(job.runId),
    CI: "true",
  };
}

/** Where the job may go through the proxy; null in every other network mode. */
export function egressOf(job: Job, policy: RunDeps["egress"]): Egress | null {
  const { network, egressKbps } = containerOf(job.definition);
  return network.mode === "allowlist" ? { ...policy, hosts: network.hosts, kbps: egressKbps } : null;
}

function isProxied({ definition }: Job): boolean {
  return containerOf(definition).network.mode === "allowlist";
}

/**
 * In both cases, because programs differ in which they read. The bootstrap takes the first one for itself; where the
 * runtime API is `tunnelled`, so is the proxy, and nothing has to be opened in the container.
 */
function proxyEnvironment(job: Job, tunnelled: boolean): Record<string, string> {
  if (!isProxied(job)) {
    return {};
  }
  const own = job.definition.env["NO_PROXY"];
  // The runtime API itself is never behind the proxy.
  const direct = own === undefined ? DIRECT : tunnelled ? `${own},127.0.0.1` : own;
  const proxied = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
  return {
    ...(tunnelled ? {} : { CRONIUM_PROXY: "unix:///run/cronium/proxy.sock" }),
    ...Object.fromEntries(proxied.map((name) => [name, PROXY])),
    NO_PROXY: direct,
    no_proxy: direct,
    // Node reads the names above only when it is told to.
    ...(job.definition.runtime === "node" ? { NODE_USE_ENV_PROXY: "1" } : {}),
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

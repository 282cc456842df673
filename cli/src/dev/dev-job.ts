/**
 * A run on this machine alone, for `cronium dev`: what its script is given, and what it leaves. Everything is kept in
 * memory but artifacts, and forgotten at the end.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { AppError, echo } from "@cronium/protocol/errors";
import type { Json } from "@cronium/protocol/json";

const MAX_VARIABLE_BYTES = 65_536;
const VARIABLES_OF_A_PAGE = 100;

export interface DevVariable {
  readonly value: Json;
  readonly version: number;
}

export interface DevArtifact {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly contentType: string;
}

interface HeldLock {
  readonly lockId: string;
  readonly endsAt: number;
}

export interface DevJob {
  readonly input: Json;
  readonly secrets: ReadonlyMap<string, string>;
  readonly variables: Map<string, DevVariable>;
  readonly locks: Map<string, HeldLock>;
  readonly artifacts: Map<string, DevArtifact>;
  /** Where artifacts are written. */
  readonly folder: string;
  /** Answers to writes by their Idempotency-Key. */
  readonly answered: Map<string, Promise<DevAnswer>>;
  /** By a clock that only goes forward, in milliseconds. */
  readonly now: () => number;
  /** Shows the person what the run's page would show. */
  readonly show: (what: string, text: string) => void;
  output: Json | undefined;
  condition: boolean | null;
  name: string | null;
}

export interface DevAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export function makeDevJob(given: {
  readonly input: Json;
  readonly secrets: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
  readonly folder: string;
  readonly now: () => number;
  readonly show: DevJob["show"];
}): DevJob {
  const variables = Object.entries(given.variables).map(([name, value]) => [name, { value, version: 1 }] as const);
  return {
    input: given.input,
    secrets: new Map(Object.entries(given.secrets)),
    variables: new Map(variables),
    locks: new Map(),
    artifacts: new Map(),
    folder: given.folder,
    answered: new Map(),
    now: given.now,
    show: given.show,
    output: undefined,
    condition: null,
    name: null,
  };
}

export function readVariable(job: DevJob, name: string): DevVariable {
  const variable = job.variables.get(name);
  if (variable === undefined) {
    throw new AppError("not_found", `There is no variable ${echo(name)}; give it by --variable ${name}=value.`);
  }
  return variable;
}

export function writeVariable(job: DevJob, name: string, value: Json, ifVersion: number | undefined): number {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > MAX_VARIABLE_BYTES) {
    throw new AppError("body_too_large", `A variable holds at most ${MAX_VARIABLE_BYTES} bytes of JSON.`);
  }
  const version = expectVersion(job, name, ifVersion) + 1;
  job.variables.set(name, { value, version });
  job.show("variable", `${name} = ${text}`);
  return version;
}

export function removeVariable(job: DevJob, name: string, ifVersion: number | undefined): void {
  if (expectVersion(job, name, ifVersion) > 0) {
    job.variables.delete(name);
    job.show("variable", `${name} deleted`);
  }
}

function expectVersion(job: DevJob, name: string, ifVersion: number | undefined): number {
  const version = job.variables.get(name)?.version ?? 0;
  if (ifVersion !== undefined && ifVersion !== version) {
    throw new AppError("version_conflict", `The variable ${echo(name)} is at version ${version}, not ${ifVersion}.`);
  }
  return version;
}

export function pageOfVariables(
  job: DevJob,
  prefix: string,
  after: string,
): { readonly items: { name: string; value: Json; version: number }[]; readonly next: string | null } {
  const names = [...job.variables.keys()].filter((name) => name.startsWith(prefix) && name > after).toSorted();
  const items = names.slice(0, VARIABLES_OF_A_PAGE).map((name) => ({ name, ...readVariable(job, name) }));
  return { items, next: names.length > items.length ? (items.at(-1)?.name ?? null) : null };
}

/** False while somebody else holds it. */
export function takeLock(job: DevJob, name: string, ttlMs: number): string | false {
  const held = job.locks.get(name);
  if (held !== undefined && held.endsAt > job.now()) {
    return false;
  }
  const lockId = randomUUID();
  job.locks.set(name, { lockId, endsAt: job.now() + ttlMs });
  return lockId;
}

export function renewLock(job: DevJob, name: string, lockId: string, ttlMs: number): void {
  const held = job.locks.get(name);
  if (held?.lockId !== lockId || held.endsAt <= job.now()) {
    throw new AppError("lock_lost", `The lock ${echo(name)} ran out, or was somebody else's.`);
  }
  job.locks.set(name, { lockId, endsAt: job.now() + ttlMs });
}

export function freeLock(job: DevJob, name: string, lockId: string): void {
  if (job.locks.get(name)?.lockId === lockId) {
    job.locks.delete(name);
  }
}

export function keepArtifact(
  job: DevJob,
  name: string,
  content: Uint8Array,
  said: { readonly sha256: string | undefined; readonly contentType: string },
): DevArtifact {
  const sha256 = createHash("sha256").update(content).digest("hex");
  if (said.sha256 !== undefined && said.sha256 !== sha256) {
    throw new AppError("checksum_mismatch", `The bytes of ${echo(name)} have SHA-256 ${sha256}, not ${said.sha256}.`);
  }
  const path = artifactPath(job, name);
  const known = job.artifacts.get(name);
  if (known !== undefined && known.sha256 !== sha256) {
    throw new AppError("artifact_exists", `The run has an artifact ${echo(name)} with other content.`);
  }
  if (known === undefined) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    job.show("artifact", `${name}, ${content.length} bytes: ${path}`);
  }
  const artifact = { name, bytes: content.length, sha256, contentType: said.contentType };
  job.artifacts.set(name, artifact);
  return artifact;
}

export function readArtifact(job: DevJob, name: string): { readonly artifact: DevArtifact; readonly content: Buffer } {
  const artifact = job.artifacts.get(name);
  if (artifact === undefined) {
    throw new AppError("not_found", `The run has no artifact ${echo(name)}.`);
  }
  return { artifact, content: readFileSync(artifactPath(job, name)) };
}

/** A relative path that stays in the folder, as a run's own artifacts must be named too. */
function artifactPath(job: DevJob, name: string): string {
  const path = resolve(job.folder, name);
  const parts = name.split("/");
  if (
    Buffer.byteLength(name) > 255 ||
    /[\p{Cc}\\:]/u.test(name) ||
    parts.some((part) => part === "" || part === "." || part === "..") ||
    path !== join(job.folder, ...parts) ||
    !path.startsWith(job.folder + sep)
  ) {
    throw new AppError("invalid_name", `${echo(name)} is no name for an artifact: give a relative path without "..".`);
  }
  return path;
}

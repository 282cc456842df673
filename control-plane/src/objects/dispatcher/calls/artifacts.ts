/**
 * What is known of a run's artifacts; their bytes lie in the blob store, one blob for each number.
 *
 * A number is given out first, with a ticket; the bytes come through the Worker; and only when all of them have arrived
 * with the right checksum the artifact is the run's. A number that leads to nothing, because the upload broke off, is
 * cleared away with its bytes when the attempt has ended, or another upload takes its name.
 */
import { MAX_ARTIFACTS, MAX_RUN_ARTIFACT_BYTES } from "@cronium/protocol/artifact";
import type { Artifact, CallOp } from "@cronium/protocol";
import { signArtifactTicket } from "../../../services/artifact-tickets.ts";
import { artifactKey } from "../../../domain/blob-keys.ts";
import type { CallAnswer } from "../../../domain/calls.ts";
import type { CommitArtifactCommand, Outcome } from "../../../domain/dispatcher.ts";
import { noted } from "../../../domain/run-notes.ts";
import type { RunState } from "../../../domain/run-step.ts";
import { readState } from "../run-rows.ts";
import { saveStep } from "../runs.ts";
import { readArtifacts, readRows, viewArtifact, type ArtifactRow } from "./artifact-rows.ts";
import type { Shell, Turn } from "../shell.ts";

/** Numbers of one run, those that led to nothing included. */
const MAX_BEGUN = 2_000;

type Of<T extends CallOp["do"]> = Extract<CallOp, { do: T }>;

export function putArtifact(shell: Shell, turn: Turn, state: RunState, op: Of<"artifact.put">): CallAnswer {
  const { run } = state;
  const rows = readRows(shell.sql, run.id);
  const stored = rows.filter((row) => row.sha256 !== null);
  const same = stored.find((row) => row.name === op.name);
  if (same !== undefined && (op.sha256 !== null || same.bytes !== op.bytes)) {
    return same.sha256 === op.sha256 && same.bytes === op.bytes
      ? { result: { token: null, artifact: brief(same) } }
      : { error: taken(op.name) };
  }
  const message = same === undefined ? tooMuch(stored, op.bytes) : null;
  if (message !== null) {
    return { error: { code: "artifact_too_large", message } };
  }
  if ((run.notes?.artifacts ?? 0) >= MAX_BEGUN) {
    return { error: { code: "quota_exceeded", message: `A run begins at most ${MAX_BEGUN} artifacts.` } };
  }
  const number = (run.notes?.artifacts ?? 0) + 1;
  shell.sql.exec(
    "INSERT INTO artifacts (run_id, number, attempt, name, bytes, sha256, content_type, at) VALUES (?, ?, ?, ?, ?, NULL, ?, ?)",
    run.id,
    number,
    run.attempt,
    op.name,
    op.bytes,
    op.contentType,
    turn.now,
  );
  shell.callers.add(`${run.id}:${run.attempt}`);
  const notes = noted(run.notes, run.attempt, { artifacts: number });
  saveStep(shell, turn, state, { ...state, run: { ...run, notes, rev: run.rev + 1 }, reply: { kind: "none" } });
  return { result: { token: ticket(shell, turn, run.id, number, op), artifact: null } };
}

/** Why this much more is too much; null when it is not. */
function tooMuch(stored: readonly ArtifactRow[], bytes: number): string | null {
  if (stored.length >= MAX_ARTIFACTS) {
    return `A run keeps at most ${MAX_ARTIFACTS} artifacts.`;
  }
  const sum = stored.reduce((all, row) => all + row.bytes, 0) + bytes;
  return sum <= MAX_RUN_ARTIFACT_BYTES
    ? null
    : `All artifacts of a run together hold at most ${MAX_RUN_ARTIFACT_BYTES} bytes, and would hold ${sum}.`;
}

function ticket(shell: Shell, turn: Turn, runId: string, number: number, op: Of<"artifact.put">): string {
  const { workspaceId, deps } = shell;
  const { bytes, sha256 } = op;
  const scope = { workspaceId, runId, number, bytes, sha256, isUpload: true };
  return signArtifactTicket(deps.config.logTokenKey, scope, turn.now);
}

export function listArtifacts(shell: Shell, runId: string): CallAnswer {
  return {
    result: { items: readArtifacts(shell.sql, runId) as unknown as readonly Readonly<Record<string, string>>[] },
  };
}

export function openArtifact(shell: Shell, turn: Turn, runId: string, { name }: Of<"artifact.get">): CallAnswer {
  const row = readRows(shell.sql, runId).find((one) => one.name === name && one.sha256 !== null);
  if (row === undefined) {
    return { error: { code: "not_found", message: `This run has no artifact ${JSON.stringify(name.slice(0, 80))}.` } };
  }
  const { workspaceId, deps } = shell;
  const scope = { workspaceId, runId, number: row.number, bytes: row.bytes, sha256: row.sha256, isUpload: false };
  const token = signArtifactTicket(deps.config.logTokenKey, scope, turn.now);
  return { result: { token, artifact: brief(row) } };
}

/** The bytes are there. Refused when the attempt has ended, or the name was taken meanwhile; they are to be deleted then. */
export function commitArtifact(
  shell: Shell,
  turn: Turn,
  { runId, number, sha256 }: CommitArtifactCommand,
): Outcome<{ readonly artifact: Artifact; readonly isNew: boolean }> {
  const row = readRows(shell.sql, runId).find((one) => one.number === number);
  const state = row === undefined ? null : readState(shell, runId, row.attempt);
  if (row?.sha256 === sha256) {
    return { ok: true, value: { artifact: viewArtifact(row), isNew: true } };
  }
  const isLive = state?.attempt?.state === "accepted" || state?.attempt?.state === "running";
  if (row === undefined || state === null || row.sha256 !== null || !isLive || row.attempt !== state.run.attempt) {
    return { ok: false, code: "attempt_not_active", message: "The attempt has ended before its artifact had arrived." };
  }
  const stored = readRows(shell.sql, runId).filter((one) => one.sha256 !== null);
  const same = stored.find((one) => one.name === row.name);
  const message = same === undefined ? tooMuch(stored, row.bytes) : null;
  if (message !== null) {
    // Others have arrived since it was begun.
    return { ok: false, code: "artifact_too_large", message };
  }
  if (same !== undefined) {
    return same.sha256 === sha256
      ? { ok: true, value: { artifact: viewArtifact(same), isNew: false } }
      : { ok: false, ...taken(row.name) };
  }
  shell.sql.exec("UPDATE artifacts SET sha256 = ? WHERE run_id = ? AND number = ?", sha256, runId, number);
  const { run } = state;
  saveStep(shell, turn, state, { ...state, run: { ...run, rev: run.rev + 1 }, reply: { kind: "none" } });
  return { ok: true, value: { artifact: viewArtifact({ ...row, sha256 }), isNew: true } };
}

/** Deletes what was begun and never arrived. Never rejects: what failed is tried again with the next alarm. */
export async function clearUnfinished(shell: Shell): Promise<void> {
  const rows = shell.sql
    .exec(
      `SELECT a.run_id, a.number FROM artifacts a INDEXED BY artifacts_unfinished JOIN runs r ON r.id = a.run_id
       WHERE a.sha256 IS NULL AND (r.finished_at IS NOT NULL OR a.attempt < r.attempt) LIMIT 100`,
    )
    .toArray() as unknown as readonly Pick<ArtifactRow, "run_id" | "number">[];
  for (const row of rows) {
    try {
      await shell.deps.blobs.delete(artifactKey(shell.workspaceId, row.run_id, row.number));
      shell.sql.exec(
        "DELETE FROM artifacts WHERE run_id = ? AND number = ? AND sha256 IS NULL",
        row.run_id,
        row.number,
      );
    } catch (error) {
      shell.deps.log.warn("artifact.not_cleared", { runId: row.run_id, error: String(error) });
    }
  }
}

function taken(name: string) {
  const message = `This run has an artifact ${JSON.stringify(name.slice(0, 80))} already, with other bytes.`;
  return { code: "artifact_exists" as const, message };
}

function brief({ name, bytes, sha256, content_type: contentType }: ArtifactRow) {
  return { name, bytes, sha256, contentType };
}

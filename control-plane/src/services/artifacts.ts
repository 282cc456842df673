/** The bytes of artifacts: from runners under a ticket, to runners under a ticket, and to people. */
import { createHash } from "node:crypto";
import type { Artifact } from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";
import { artifactKey } from "../domain/blob-keys.ts";
import type { BlobBody } from "../domain/ports.ts";
import { readArtifactTicket, type ArtifactScope } from "./artifact-tickets.ts";
import { dispatcherOfRun } from "./dispatchers.ts";
import { refused } from "./outcome.ts";
import { getRun } from "./runs.ts";

/**
 * Takes the bytes that the ticket names. Throws `invalid_token`, `invalid_value` for another number of bytes,
 * `checksum_mismatch`, `artifact_exists`, `attempt_not_active`; nothing is kept then.
 */
export async function takeArtifact(
  deps: Deps,
  ticket: string | undefined,
  body: ReadableStream<Uint8Array> | null,
): Promise<Artifact> {
  const scope = checkTicket(deps, ticket, true);
  const { workspaceId, runId, number, bytes } = scope;
  const key = artifactKey(workspaceId, runId, number);
  const seen = { bytes: 0, ended: false, hash: createHash("sha256") };
  const counted = (body ?? new Blob([]).stream()).pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        seen.bytes += chunk.byteLength;
        if (seen.bytes > bytes) {
          controller.error(wrongLength(scope));
          return;
        }
        seen.hash.update(chunk);
        controller.enqueue(chunk);
      },
      flush() {
        seen.ended = true;
      },
    }),
  );
  try {
    await deps.blobs.put(key, { stream: counted, sizeBytes: bytes });
    if (seen.bytes !== bytes) {
      throw wrongLength(scope);
    }
    const sha256 = seen.hash.digest("hex");
    if (scope.sha256 !== null && scope.sha256 !== sha256) {
      throw new AppError("checksum_mismatch", `The bytes have the SHA-256 ${sha256}, not the one that was announced.`);
    }
    const dispatcher = await dispatcherOfRun(deps, workspaceId, runId);
    const outcome = await dispatcher.commitArtifact({ runId, number, sha256 });
    if (!outcome.ok) {
      throw refused(outcome);
    }
    if (!outcome.value.isNew) {
      await deps.blobs.delete(key);
    }
    return outcome.value.artifact;
  } catch (error) {
    await deps.blobs.delete(key).catch(() => {});
    const isOther = seen.bytes > bytes || (seen.ended && seen.bytes < bytes);
    throw isOther && !(error instanceof AppError) ? wrongLength(scope) : error;
  }
}

/** For the job that stored it, or another attempt of its run. */
export async function giveArtifact(deps: Deps, ticket: string | undefined): Promise<BlobBody> {
  const { workspaceId, runId, number } = checkTicket(deps, ticket, false);
  return open(deps, workspaceId, runId, number);
}

/** For people. Throws `not_found` for a run or an artifact that is not there. */
export async function readArtifact(
  deps: Deps,
  actor: Actor,
  runId: string,
  number: number,
): Promise<{ readonly artifact: Artifact; readonly body: BlobBody }> {
  const { artifacts } = await getRun(deps, actor, runId);
  const artifact = artifacts.find((one) => one.number === number);
  if (artifact === undefined) {
    throw new AppError("not_found", `The run ${runId} has no artifact ${number}.`);
  }
  return { artifact, body: await open(deps, actor.workspaceId, runId, number) };
}

async function open(deps: Deps, workspaceId: string, runId: string, number: number): Promise<BlobBody> {
  const body = await deps.blobs.get(artifactKey(workspaceId, runId, number));
  if (body === null) {
    throw new AppError("not_found", `The bytes of artifact ${number} of the run ${runId} are not there any more.`);
  }
  return body;
}

function checkTicket(deps: Deps, ticket: string | undefined, isUpload: boolean): ArtifactScope {
  const scope = ticket === undefined ? null : readArtifactTicket(deps.config.logTokenKey, ticket, deps.clock.now());
  if (scope === null || scope.isUpload !== isUpload) {
    throw new AppError("invalid_token", "The ticket of this artifact is missing, expired, or for something else.");
  }
  return scope;
}

function wrongLength({ bytes }: ArtifactScope): AppError {
  return new AppError("invalid_value", `The ticket is for ${bytes} bytes, and other many came.`);
}

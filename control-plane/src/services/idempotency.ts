/**
 * Idempotency-Key: what makes a repeated creating request the same request, for 24 hours.
 *
 * Triggers, events and bulk work are decided by the Dispatcher in the turn that makes them (`causeOf`). Every other
 * creating request claims its key in D1, works, and keeps its answer there (`claimRequest`): sealed, because answers
 * hold keys and tokens, and with a keyed hash of the request, because bodies hold secrets.
 */
import { createHash, createHmac } from "node:crypto";
import { AppError } from "@cronium/protocol/errors";
import { IDEMPOTENCY_TTL_MS } from "@cronium/protocol/limits";
import type { Deps } from "../deps.ts";
import { actorId, type Actor } from "../domain/actor.ts";
import { claimKey, keepAnswer, releaseKey, type KeyClaim } from "../store/idempotency-keys.ts";

/** Longer than any request takes: what has no answer by then never gets one. */
const CUT_OFF_MS = 60_000;

export interface Cause {
  /** The key with its caller; null when the request has none. */
  readonly key: string | null;
  /** SHA-256 over what is asked for and with which body, hex. */
  readonly bodyHash: string;
}

/** Throws `invalid_idempotency_key`. */
export function refuseMalformedKey(header: string | undefined): void {
  if (header !== undefined && !/^[\x20-\x7e]{1,255}$/.test(header)) {
    throw new AppError(
      "invalid_idempotency_key",
      `The Idempotency-Key has ${header.length} characters, or some that are not printable ASCII.`,
    );
  }
}

/** Throws `invalid_idempotency_key`. `operation` tells requests with equal bodies apart, such as the event's id. */
export function causeOf(actor: Actor, header: string | undefined, operation: string, body: Uint8Array): Cause {
  refuseMalformedKey(header);
  if (header === undefined) {
    return { key: null, bodyHash: "" };
  }
  const bodyHash = createHash("sha256").update(operation).update("\n").update(body).digest("hex");
  return { key: `${actorId(actor)} ${header}`, bodyHash };
}

export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ClaimedRequest {
  /** What an earlier request with the key was answered; null: this one does the work. */
  readonly repeated: KeptAnswer | null;
  /** Keeps the answer for repeats. */
  keep(answer: KeptAnswer): Promise<void>;
  /** Nothing was made: the key may be used again, also with another body. */
  release(): Promise<void>;
}

/** Throws `idempotency_mismatch`, and `idempotency_in_flight` while another request with the key is at work. */
export async function claimRequest(
  deps: Pick<Deps, "d1" | "clock" | "sealer" | "config">,
  actor: Actor,
  request: {
    readonly key: string;
    /** What the caller's keys are told apart by: the workspace, or nothing where an act may change which one that is. */
    readonly scope: string;
    readonly operation: string;
    readonly body: Uint8Array;
  },
): Promise<ClaimedRequest> {
  const now = deps.clock.now();
  const keyed = (...parts: readonly (string | Uint8Array)[]): string => {
    const hash = createHmac("sha256", deps.config.authSecret);
    for (const part of ["idempotency", ...parts]) {
      hash.update(part).update("\n");
    }
    return hash.digest("hex");
  };
  const claim: KeyClaim = {
    hash: keyed(request.scope, actorId(actor), request.key),
    workspaceId: actor.workspaceId,
    requestHash: keyed(request.operation, request.body),
    now,
    expiredBefore: now - IDEMPOTENCY_TTL_MS,
    cutOffBefore: now - CUT_OFF_MS,
  };
  const held = await claimKey(deps.d1, claim);
  if (held !== null && held.requestHash !== claim.requestHash) {
    throw new AppError(
      "idempotency_mismatch",
      "This Idempotency-Key was used for a different request within the last 24 hours.",
    );
  }
  // What was sealed under an AUTH_SECRET of before is lost, and says so by waiting for its end.
  const kept = held === null || held.answer === null ? null : await deps.sealer.open(held.answer);
  if (held !== null && kept === null) {
    throw new AppError("idempotency_in_flight", "An earlier request with this Idempotency-Key has no answer yet.", {
      context: { retryAfterSeconds: 1 },
    });
  }
  return {
    repeated: kept === null ? null : (JSON.parse(kept) as KeptAnswer),
    keep: async (answer) => keepAnswer(deps.d1, claim, await deps.sealer.seal(JSON.stringify(answer))),
    release: () => releaseKey(deps.d1, claim),
  };
}

/** What this process says of itself and of what it holds whenever a connection to the control plane begins. */
import {
  CLOCK_SINCE,
  type HeldAttempt,
  HOME_SHARD,
  type MachineFacts,
  OPERATING_SINCE,
  PROTOCOL_VERSION,
  type RunnerPlatform,
  SEALING_SINCE,
  shardOf,
} from "@cronium/protocol";
import type { Clock } from "./base/clock.ts";
import type { Hello } from "./connection.ts";
import { signConnect, signSealingKey } from "./credential.ts";
import type { Identity } from "./identity.ts";
import type { Journal } from "./journal.ts";
import type { LinksOptions } from "./links.ts";
import type { Runs } from "./run/runs.ts";
import type { SealingKeyPair } from "./sealing-key.ts";

export interface GreetingOptions {
  readonly identity: Identity;
  readonly sealing: SealingKeyPair;
  readonly epoch: string;
  readonly version: string;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly runs: Runs;
  readonly platform: () => RunnerPlatform;
  readonly notReady: () => Hello["notReady"];
  readonly paused: () => boolean;
  readonly facts: () => MachineFacts | null;
}

export function greeting(
  options: GreetingOptions,
  nonce: string,
  { shard, slots, protocol }: Parameters<LinksOptions["hello"]>[1],
): Hello {
  const { identity, epoch, version, clock } = options;
  const { credential, registration } = identity;
  const { runnerId } = registration;
  const { publicKey } = options.sealing;
  const facts = options.facts();
  const signature = signSealingKey(credential, nonce, runnerId, publicKey);
  return {
    type: "hello",
    protocol: PROTOCOL_VERSION,
    runnerId,
    epoch,
    signature: signConnect(credential, nonce, runnerId, epoch),
    version,
    platform: options.platform(),
    slots,
    notReady: options.notReady(),
    // A control plane of the version before refuses what it does not know.
    ...(protocol >= SEALING_SINCE ? { sealing: { publicKey, signature } } : {}),
    ...(protocol >= CLOCK_SINCE ? { clock: clock.now() } : {}),
    ...(protocol >= OPERATING_SINCE && options.paused() ? { paused: true } : {}),
    ...(protocol >= OPERATING_SINCE && shard === HOME_SHARD && facts !== null ? { facts } : {}),
    held: heldAttempts(options, shard),
  };
}

/** Attempts of this shard that the journal names, and how far each is. */
function heldAttempts({ journal, runs }: GreetingOptions, shard: number): HeldAttempt[] {
  const ours = journal.entries().filter(({ runId }) => shardOf(runId) === shard);
  return ours.map((entry) => {
    const { runId, attempt } = entry;
    const phase = runs.get(entry)?.phase ?? "lost";
    return { runId, attempt, state: entry.result === null ? phase : "exited" };
  });
}

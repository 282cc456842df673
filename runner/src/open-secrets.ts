/** Opens what the control plane sealed to this runner for one attempt. */
import { type Job, sealingInfo, SealedSecrets } from "@cronium/protocol";
import { unseal } from "./base/unseal.ts";
import type { SealingKeyPair } from "./sealing-key.ts";

/** Values by name; none for a job that was handed none. Throws when the message is not for this runner and attempt. */
export function openSecrets({
  key,
  runnerId,
  job,
  sealed,
}: {
  readonly key: SealingKeyPair;
  readonly runnerId: string;
  readonly job: Pick<Job, "workspaceId" | "runId" | "attempt">;
  readonly sealed: string | null;
}): SealedSecrets {
  if (sealed === null) {
    return {};
  }
  const { workspaceId, runId, attempt } = job;
  const info = sealingInfo({ workspaceId, runnerId, runId, attempt });
  return SealedSecrets.parse(JSON.parse(unseal(key.privateKey, info, sealed)));
}

/** Secrets under an older master key are encrypted again under the current one, some in each turn. */
import { sealSecret } from "../../auth/secret-box.ts";
import { hasOldEndpointBoxes, reencryptEndpoints } from "./endpoints.ts";
import { addToOutbox } from "./outbox.ts";
import { openFound, placeOf, type SecretRow } from "./secrets.ts";
import type { Shell, Turn } from "./shell.ts";

/** What one turn encrypts again: about 30 ms. */
const BATCH = 200;

/** Whether ciphertexts are left that were made under an older master key which is still known. */
export function hasOldBoxes(shell: Shell): boolean {
  return readOldBoxes(shell, 1).length > 0 || hasOldEndpointBoxes(shell);
}

/** Encrypts some of them again under the current master key. What is left is found by the next call, after a crash too. */
export function reencryptSome(shell: Shell, turn: Turn): void {
  const { secretKeys } = shell.deps.config;
  let done = 0;
  reencryptEndpoints(shell);
  for (const row of readOldBoxes(shell, BATCH)) {
    const value = openFound(shell, row);
    if (value === null) {
      // Looked at again once there is another key: this one cannot read it.
      shell.unreadable.add(row.id);
      continue;
    }
    const box = sealSecret(secretKeys, placeOf(shell, row.id), value, shell.deps.ids.random);
    shell.sql.exec(
      "UPDATE secrets SET box = ?2, key_id = ?3, rev = rev + 1 WHERE id = ?1",
      row.id,
      box,
      secretKeys.current.id,
    );
    addToOutbox(turn, "secret", row.id, row.rev + 1);
    done += 1;
  }
  shell.deps.log.info("secret.reencrypted", { workspaceId: shell.workspaceId, secrets: done });
}

/** Ids of master keys that secrets need and that are not configured. */
export function missingKeys(shell: Shell): string[] {
  const { secretKeys } = shell.deps.config;
  return shell.sql
    .exec("SELECT key_id FROM secrets UNION SELECT key_id FROM endpoint_secrets")
    .toArray()
    .map((row) => row["key_id"] as string)
    .filter((id) => !secretKeys.all.has(id));
}

function readOldBoxes(shell: Shell, limit: number): SecretRow[] {
  const { all, current } = shell.deps.config.secretKeys;
  const old = [...all.keys()].filter((id) => id !== current.id);
  if (old.length === 0) {
    return [];
  }
  return shell.sql
    .exec(
      `SELECT * FROM secrets INDEXED BY secrets_key
       WHERE key_id IN (SELECT value FROM json_each(?1)) AND id NOT IN (SELECT value FROM json_each(?2)) LIMIT ?3`,
      JSON.stringify(old),
      JSON.stringify([...shell.unreadable]),
      limit,
    )
    .toArray() as unknown as SecretRow[];
}

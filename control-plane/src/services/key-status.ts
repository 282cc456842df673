/** Which master keys secrets are encrypted under: how far a rotation is. */
import type { Deps } from "../deps.ts";
import { countByKey } from "../store/named-values.ts";

export interface KeyUse {
  readonly id: string;
  readonly current: boolean;
  /** As D1 knows it: a moment behind. */
  readonly secrets: number;
}

/** Of every key that is configured or needed, the current one first. */
export async function readKeyStatus(deps: Deps): Promise<readonly KeyUse[]> {
  const { current, all } = deps.config.secretKeys;
  const counts = await countByKey(deps.d1);
  const ids = new Set([current.id, ...all.keys(), ...counts.keys()]);
  return [...ids].map((id) => ({ id, current: id === current.id, secrets: counts.get(id) ?? 0 }));
}

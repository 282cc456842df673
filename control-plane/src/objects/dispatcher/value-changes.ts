/**
 * The one place through which every change of a secret or variable passes: it is told to D1 (its name, never a value)
 * and noted with who did it.
 */
import { addToOutbox } from "./outbox.ts";
import type { Shell, Turn } from "./shell.ts";

export interface ValueChange {
  readonly kind: "secret" | "variable";
  readonly action: "create" | "replace" | "describe" | "delete";
  readonly id: string;
  readonly name: string;
  /** '' for the whole workspace. */
  readonly scope: string;
  readonly version: number;
  readonly rev: number;
  readonly by: string;
}

export function noteValueChange(shell: Shell, turn: Turn, change: ValueChange): void {
  const { kind, action, id, name, scope, version, rev, by } = change;
  addToOutbox(turn, kind, id, rev);
  shell.deps.log.info(`${kind}.${action}`, {
    workspaceId: shell.workspaceId,
    id,
    name,
    eventId: scope === "" ? null : scope,
    version,
    by,
  });
}

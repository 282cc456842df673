/**
 * The one place through which every change of a secret or variable passes: it is told to D1 (its name, never a value)
 * and written into the audit with who did it.
 */
import type { Json } from "@cronium/protocol";
import type { Stamp } from "../../domain/act.ts";
import { writeAudit } from "./audit.ts";
import { addToOutbox } from "./outbox.ts";
import type { Shell, Turn } from "./shell.ts";

export interface ValueChange {
  readonly kind: "secret" | "variable";
  readonly action: "created" | "changed" | "described" | "deleted";
  readonly id: string;
  readonly name: string;
  /** '' for the whole workspace. */
  readonly scope: string;
  readonly rev: number;
  readonly by: Stamp;
  /** What the audit says beside name and scope; of a secret's value its fingerprint. */
  readonly before?: Readonly<Record<string, Json>>;
  readonly after?: Readonly<Record<string, Json>>;
}

export function noteValueChange(shell: Shell, turn: Turn, change: ValueChange): void {
  const { kind, action, id, name, scope, rev, by, before, after } = change;
  addToOutbox(turn, kind, id, rev);
  const whose = { name, eventId: scope === "" ? null : scope };
  writeAudit(shell, turn, by, {
    verb: `${kind}.${action}`,
    target: id,
    ...(before === undefined ? {} : { before: { ...whose, ...before } }),
    ...(after === undefined ? {} : { after: { ...whose, ...after } }),
  });
}

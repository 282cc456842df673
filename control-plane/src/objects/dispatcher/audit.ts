/** What people and programs did to ended runs, told after its commit: one line for each, with who asked for it. */
import type { ActorName } from "../../domain/actor.ts";
import type { Shell } from "./shell.ts";

/** `bulkId`: the bulk work that did it; null for a request of its own. */
export function auditRequeue(
  shell: Shell,
  entry: { readonly runId: string; readonly by: ActorName; readonly bulkId: string | null },
): void {
  const { runId, by, bulkId } = entry;
  const { workspaceId } = shell;
  shell.deps.log.info("audit.run_requeued", { workspaceId, runId, byKind: by.kind, byId: by.id, bulkId });
}

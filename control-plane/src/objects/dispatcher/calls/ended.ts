/** The end of an attempt, as far as what it asked for goes. */
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { Shell } from "../shell.ts";
import { endCalls } from "./kept-answers.ts";

/** The attempt has ended: of a shard's, home is told, whose own time limits do the rest should it not be reached. */
export function attemptEnded(shell: Shell, runId: string, attempt: number): void {
  if (!shell.callers.has(`${runId}:${attempt}`)) {
    return;
  }
  endCalls(shell, { runId, attempt });
  if (shell.shard !== HOME_SHARD) {
    shell.deps
      .dispatcherFor(shell.workspaceId)
      .endCalls({ runId, attempt })
      .catch((error: unknown) => {
        shell.deps.log.warn("calls.not_ended", { workspaceId: shell.workspaceId, runId, error: String(error) });
      });
  }
}

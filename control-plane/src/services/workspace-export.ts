/**
 * Everything that a workspace holds, as NDJSON: one `{"type", "data"}` object a line, `end` with the number of lines as the
 * last, so that a cut-off copy is told from a whole one. Secrets by name alone.
 */
import type { Deps } from "../deps.ts";
import type { Actor } from "../domain/actor.ts";
import { findWorkspace } from "../store/accounts.ts";
import { listEventRows } from "../store/events.ts";
import { listRunRows, type RunRowFilter } from "../store/runs.ts";
import { exportedAudit } from "./audit.ts";
import { listMembers } from "./members.ts";
import { unwrap } from "./outcome.ts";

const PAGE = 200;
const all: Omit<RunRowFilter, "after" | "limit"> = {
  state: undefined,
  eventId: undefined,
  runnerId: undefined,
  trigger: undefined,
  label: undefined,
  from: undefined,
  to: undefined,
  q: undefined,
  deadLetter: false,
};

type Line = readonly [type: string, value: unknown];

export function exportWorkspace(deps: Deps, actor: Actor): ReadableStream<Uint8Array> {
  const lines = everything(deps, actor);
  const encoder = new TextEncoder();
  let count = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await lines.next();
      count += 1;
      const line = done === true ? { type: "end", lines: count } : { type: value[0], data: value[1] };
      controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
      if (done === true) {
        controller.close();
      }
    },
    async cancel() {
      await lines.return(undefined);
    },
  });
}

async function* everything(deps: Deps, actor: Actor): AsyncGenerator<Line, undefined> {
  const { workspaceId } = actor;
  const dispatcher = deps.dispatcherFor(workspaceId);
  const workspace = await findWorkspace(deps.db, workspaceId);
  const exportedAt = new Date(deps.clock.now()).toISOString();
  yield ["workspace", { id: workspaceId, name: workspace?.name ?? "", exportedAt }];
  yield ["settings", (await dispatcher.getSettings()).settings];
  for (const { isYou: _, ...member } of await listMembers(deps, actor)) {
    yield ["member", member];
  }
  for (const secret of unwrap(await dispatcher.listSecrets(undefined))) {
    yield ["secret", secret];
  }
  for (const variable of unwrap(await dispatcher.listVariables(undefined))) {
    yield ["variable", { ...variable, versions: await dispatcher.listVariableVersions(variable.id) }];
  }
  yield* events(deps, workspaceId);
  yield* runs(deps, workspaceId);
  for await (const entry of exportedAudit(deps, workspaceId)) {
    yield ["audit", entry];
  }
  return undefined;
}

async function* events(deps: Deps, workspaceId: string): AsyncGenerator<Line> {
  let after: Parameters<typeof listEventRows>[2] = null;
  for (;;) {
    const rows: Awaited<ReturnType<typeof listEventRows>> = await listEventRows(deps.d1, workspaceId, after, PAGE);
    for (const { id } of rows) {
      const versions = await deps.dispatcherFor(workspaceId).listEventVersions(id);
      yield ["event", { id, versions }];
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) {
      return;
    }
    after = { at: Date.parse(last.createdAt), id: last.id };
  }
}

/** Without input, output and log. */
async function* runs(deps: Deps, workspaceId: string): AsyncGenerator<Line> {
  let after: RunRowFilter["after"] = null;
  for (;;) {
    const rows: Awaited<ReturnType<typeof listRunRows>> = await listRunRows(deps.d1, workspaceId, {
      ...all,
      after,
      limit: PAGE,
    });
    for (const row of rows) {
      yield ["run", row];
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) {
      return;
    }
    after = { at: Date.parse(last.queuedAt), id: last.id };
  }
}

/** `cronium runs bulk`: one action for all runs that a filter finds, done by the control plane. */
import { randomUUID } from "node:crypto";
import { Bulk, BulkAccepted, type BulkAction, bulkActions, BulkPreview } from "@cronium/protocol/api/bulk";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { sleep } from "../base/retryable.ts";
import { printFacts } from "../output/table.ts";
import { type Cli, confirm } from "./context.ts";
import { filterOf } from "./run-filter.ts";
import { segment } from "./runs.ts";

const POLL_MS = 500;

const verbs = {
  cancel: { asked: "Cancel", done: "cancelled" },
  retry: { asked: "Retry, as new runs,", done: "retried" },
  requeue: { asked: "Requeue", done: "requeued" },
} as const satisfies Record<BulkAction, unknown>;

export async function bulk(cli: Cli, input: Input): Promise<void> {
  const asked = input.arg(0);
  const action = bulkActions.find((one) => one === asked);
  if (action !== undefined) {
    if (input.maybeArg(1) !== undefined) {
      throw new ExitError(
        "usage",
        `runs bulk ${action} takes no id.`,
        "Say which runs by flags, such as --state failed.",
      );
    }
    await act(cli, input, action, input.flag("wait"));
    return;
  }
  if (asked !== "show" && asked !== "stop") {
    throw new ExitError(
      "usage",
      `There is no bulk action ${JSON.stringify(asked)}.`,
      `Use ${[...bulkActions, "show", "stop"].join(", ")}.`,
    );
  }
  const id = input.maybeArg(1);
  if (id === undefined) {
    throw new ExitError("usage", `runs bulk ${asked} needs the id of the work.`, "It was printed when it was started.");
  }
  const api = await cli.connect();
  const path = `/bulk/${segment(id)}`;
  const work = asked === "stop" ? await api.json("POST", `${path}/cancel`, Bulk) : await api.json("GET", path, Bulk);
  tell(cli, asked === "show" && input.flag("wait") ? await untilEnd(api, work) : work);
}

/** `runs cancel-many`, which waits. */
export function cancelMany(cli: Cli, input: Input): Promise<void> {
  return act(cli, input, "cancel", true);
}

async function act(cli: Cli, input: Input, action: BulkAction, waits: boolean): Promise<void> {
  const api = await cli.connect();
  const { fields, deadLetter } = await filterOf(api, cli, input);
  const filter = { ...fields, ...(deadLetter ? { deadLetter } : {}) };
  if (Object.keys(filter).length === 0) {
    throw new ExitError(
      "usage",
      `A bulk ${action} needs a filter.`,
      "Add one, such as --state failed; see cronium runs bulk --help.",
    );
  }
  const { out } = cli;
  const preview = await api.json("POST", "/bulk", BulkPreview, { body: { action, filter, dryRun: true } });
  const count = `${preview.exact ? "" : "more than "}${preview.matched}`;
  if (input.flag("dry-run")) {
    if (out.json) {
      out.value(preview);
    } else {
      out.line(count);
    }
    return;
  }
  await confirm(cli, input, `${verbs[action].asked} ${count} runs?`);
  const body = { action, filter, dryRun: false };
  const { bulkId } = await api.json("POST", "/bulk", BulkAccepted, { body, idempotencyKey: randomUUID() });
  const work = await api.json("GET", `/bulk/${bulkId}`, Bulk);
  tell(cli, waits ? await untilEnd(api, work) : work);
}

async function untilEnd(api: Api, begun: Bulk): Promise<Bulk> {
  let work = begun;
  while (work.state === "running") {
    await sleep(POLL_MS);
    work = await api.json("GET", `/bulk/${work.id}`, Bulk);
  }
  return work;
}

function tell({ out }: Cli, work: Bulk): void {
  if (out.json) {
    out.value(work);
    return;
  }
  const { done } = verbs[work.action];
  printFacts(out, [
    ["bulk", work.id],
    ["action", work.action],
    ["state", work.state],
    ["found", String(work.matched)],
    [done, String(work.done)],
    ["refused", String(work.failed)],
  ]);
  for (const { code, count, example } of work.reasons) {
    out.say(`${count} × ${code}, such as ${example}`);
  }
  if (work.state === "running") {
    out.say(`It goes on by itself: cronium runs bulk show ${work.id} --wait`);
  }
}

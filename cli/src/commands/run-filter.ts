/** The filters of a list of runs, which bulk work shares. */
import { RunFilter } from "@cronium/protocol/api/runs";
import { runStates, triggers } from "@cronium/protocol/run-states";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import type { Cli } from "./context.ts";
import { eventId } from "./event-ref.ts";

export interface AskedRuns {
  /** Fields of the filter, but for this one, which lists take as a text and bulk work as true. */
  readonly fields: Readonly<Record<string, string | string[]>>;
  readonly deadLetter: boolean;
}

/** What was asked for, checked. */
export async function filterOf(api: Api, cli: Cli, input: Input): Promise<AskedRuns> {
  const states = input.list("state").flatMap((text) => text.split(","));
  const event = input.text("event");
  const filter = {
    ...(states.length === 0 ? {} : { state: states }),
    ...(event === undefined ? {} : { eventId: await eventId(api, event) }),
    ...(input.list("label").length === 0 ? {} : { label: [...input.list("label")] }),
    ...optional("runnerId", input.text("runner")),
    ...optional("trigger", input.text("trigger")),
    ...optional("from", moment(cli, input, "from")),
    ...optional("to", moment(cli, input, "to")),
    ...optional("q", input.text("search")),
  };
  const parsed = RunFilter.safeParse(filter);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = FLAGS[String(issue?.path[0])] ?? String(issue?.path[0]);
    const known =
      field === "state"
        ? `States: ${runStates.join(", ")}.`
        : field === "trigger"
          ? `Triggers: ${triggers.join(", ")}.`
          : "See cronium runs list --help.";
    throw new ExitError("usage", `--${field} ${issue?.message ?? "is not valid"}.`, known);
  }
  return { fields: filter, deadLetter: input.flag("dead-letter") };
}

const FLAGS: Readonly<Record<string, string>> = { eventId: "event", runnerId: "runner", q: "search" };

function optional(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}

/** A moment as ISO 8601, or as a time before now: `2h`, `7d`. */
export function moment(cli: Cli, input: Input, name: string): string | undefined {
  const text = input.text(name);
  if (text === undefined || !/^\d+(?:ms|s|m|h|d)$/.test(text)) {
    return text;
  }
  return new Date(cli.now() - (input.duration(name) ?? 0)).toISOString();
}

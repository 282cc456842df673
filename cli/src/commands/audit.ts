/** `cronium audit`: who did what in the workspace, whether anybody changed that, and all of it for safekeeping. */
import { type AuditEntry, AuditPage, AuditVerdict } from "@cronium/protocol/api/audit";
import { readPages } from "../api/pages.ts";
import { exitCodes } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { printTable } from "../output/table.ts";
import { ago } from "../output/words.ts";
import type { Cli } from "./context.ts";
import { printPart } from "./print-page.ts";
import { saveAnswer } from "./save-answer.ts";
import { moment } from "./run-filter.ts";

export async function listAudit(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const page = await readPages<AuditEntry>(api, "/audit", AuditPage, {
    limit: input.number("limit", 1, 10_000) ?? 50,
    cursor: input.text("cursor"),
    query: filterOf(cli, input),
  });
  const now = cli.now();
  printPart(cli, page, ["WHEN", "WHAT", "TARGET", "WHO", "FROM", "CHANGE"], (entry) => [
    ago(entry.at, now),
    entry.verb,
    entry.target,
    entry.actor.id,
    entry.ip ?? "-",
    entry.before === null && entry.after === null
      ? ""
      : `${JSON.stringify(entry.before)} → ${JSON.stringify(entry.after)}`,
  ]);
}

/** The exit code says whether the chains hold. */
export async function verifyAudit(cli: Cli): Promise<number> {
  const api = await cli.connect();
  const verdict = await api.json("GET", "/audit/verify", AuditVerdict);
  if (cli.out.json) {
    cli.out.value(verdict);
  } else {
    printTable(
      cli.out,
      ["CHAIN", "ENTRIES", "INTACT"],
      verdict.chains.map(({ chain, entries, isIntact, brokenAt }) => [
        chain,
        String(entries),
        isIntact ? { text: "yes", style: "green" } : { text: `no, from entry ${brokenAt} on`, style: "red" },
      ]),
    );
    cli.out.say(verdict.message);
  }
  return verdict.isIntact ? exitCodes.ok : exitCodes.failure;
}

/** NDJSON as it comes, to stdout or a file that does not exist yet. */
export async function exportAudit(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const response = await api.send("GET", "/audit/export", { query: filterOf(cli, input) });
  await saveAnswer(cli, input, response);
}

function filterOf(cli: Cli, input: Input): Record<string, string | undefined> {
  return {
    verb: input.text("verb"),
    actor: input.text("actor"),
    target: input.text("target"),
    from: moment(cli, input, "from"),
    to: moment(cli, input, "to"),
  };
}

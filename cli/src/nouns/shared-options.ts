/** Options that several commands have alike. */
import type { Option } from "../base/command.ts";

export const paging: readonly Option[] = [
  { flags: "--limit <n>", about: "at most this many (default 50)" },
  { flags: "--cursor <cursor>", about: "go on behind an earlier list" },
];

/** For what is changed without being read first; commands that read it send the version that they saw by themselves. */
export const basedOn: Option = { flags: "--based-on <version>", about: "refuse when somebody changed it since then" };

export const runFilters: readonly Option[] = [
  {
    flags: "--state <state>",
    about: "in any of these states; with commas, or several times",
    many: true,
    choices: [
      "queued",
      "starting",
      "running",
      "waiting",
      "cancelling",
      "succeeded",
      "failed",
      "timed_out",
      "cancelled",
      "expired",
      "skipped",
    ],
  },
  { flags: "--event <event>", about: "of this event, by id or name" },
  { flags: "--runner <id>", about: "on this runner" },
  {
    flags: "--trigger <trigger>",
    about: "started in this way",
    choices: ["manual", "api", "schedule", "webhook", "workflow", "event"],
  },
  { flags: "--label <key=value>", about: "asking for this label; several times: all of them", many: true },
  { flags: "--from <time>", about: "queued at or after: 2026-11-20T08:00:00Z, or 2h for two hours ago" },
  { flags: "--to <time>", about: "queued before" },
  { flags: "--search <text>", about: "with this in the event's name" },
  { flags: "--dead-letter", about: "that used up their retries, and can be requeued" },
];

export const triggering: readonly Option[] = [
  { flags: "--input <json>", about: "input of the run" },
  { flags: "--input-file <file>", about: "the same from a file; - is stdin" },
  {
    flags: "--set <field=value>",
    about: "a field of the input, such as rows=3 or options.dry=true; may repeat",
    many: true,
  },
  { flags: "--priority <n>", about: "-100 to 100, higher goes first" },
  { flags: "--delay <time>", about: "start no earlier than this from now: 30s, 5m, 2h" },
  { flags: "--idempotency-key <key>", about: "a repeat with the same key is the same run, for a day" },
];

export const waiting: readonly Option[] = [
  { flags: "--wait", about: "wait for the end, print the output; the exit code says how it ended" },
  { flags: "-f, --follow", about: "wait, and print the log as it comes" },
  { flags: "--timeout <time>", about: "wait no longer than this; the run goes on" },
];

import type { Command, Option } from "../base/command.ts";
import type { Cli } from "../commands/context.ts";
import { basedOn, paging } from "./shared-options.ts";

const timing: readonly Option[] = [
  { flags: "--file <file>", about: "fields as JSON, as the API takes them; flags win; - is stdin" },
  { flags: "--cron <pattern>", about: "five fields, or six with seconds in front, such as '30 2 * * 1-5'" },
  { flags: "--every <time>", about: "evenly: 15m, 2h" },
  { flags: "--at <time>", about: "once: 2026-12-24T18:00:00Z" },
  { flags: "--timezone <zone>", about: "IANA name, such as Europe/Berlin (default: UTC)" },
  { flags: "--start <time>", about: "no fire before this" },
  { flags: "--end <time>", about: "no fire after this" },
];

const definition: readonly Option[] = [
  ...timing,
  { flags: "--name <name>", about: "its name (default: what its timing says)" },
  { flags: "--jitter <time>", about: "put every fire off by the same part of this" },
  {
    flags: "--overlap <policy>",
    about: "while a run of it is under way",
    choices: ["skip", "queue_one", "allow", "cancel_previous"],
  },
  { flags: "--catch-up <mode>", about: "times that nothing could decide", choices: ["none", "latest", "all"] },
  { flags: "--catch-up-max <n>", about: "with all: at most so many, the newest" },
  { flags: "--catch-up-window <time>", about: "none that is later than this" },
  { flags: "--pause-after-failures <n>", about: "pause itself after so many failed runs in a row" },
  { flags: "--input <json>", about: "input of its runs (default: the event's)" },
  { flags: "--input-file <file>", about: "the same from a file" },
];

const range: readonly Option[] = [
  { flags: "--from <time>", about: "at or after: 2026-11-20T08:00:00Z, or 2h for two hours ago" },
  { flags: "--to <time>", about: "before" },
];

export const schedules: readonly Command<Cli>[] = [
  {
    name: "schedules",
    about: "when events are triggered by the clock",
    verbs: [
      {
        name: "list",
        about: "list them",
        options: [{ flags: "--event <event>", about: "of this event, by id or name" }, ...paging],
        load: async () => (await import("../commands/schedules.ts")).listSchedules,
      },
      {
        name: "show",
        about: "show one, by id or name",
        args: ["<schedule>"],
        load: async () => (await import("../commands/schedules.ts")).showSchedule,
      },
      {
        name: "create",
        about: "make one for an event",
        args: ["<event>"],
        options: [
          ...definition,
          { flags: "--paused", about: "make it paused" },
          { flags: "--idempotency-key <key>", about: "a repeat with the same key is the same schedule" },
        ],
        load: async () => (await import("../commands/schedules.ts")).createSchedule,
      },
      {
        name: "update",
        about: "change one",
        args: ["<schedule>"],
        options: [...definition, basedOn],
        load: async () => (await import("../commands/schedules.ts")).updateSchedule,
      },
      {
        name: "pause",
        about: "fire nothing until it is resumed",
        args: ["<schedule>"],
        options: [
          { flags: "--until <time>", about: "go on by itself then" },
          { flags: "--note <text>", about: "why" },
        ],
        load: async () => (await import("../commands/schedules.ts")).pauseSchedule,
      },
      {
        name: "resume",
        about: "fire again",
        args: ["<schedule>"],
        options: [
          {
            flags: "--catch-up <mode>",
            about: "the times that passed meanwhile (default: none)",
            choices: ["none", "latest", "all"],
          },
          { flags: "--max <n>", about: "with all: at most so many, the newest" },
        ],
        load: async () => (await import("../commands/schedules.ts")).resumeSchedule,
      },
      {
        name: "delete",
        about: "delete one; what became of its times stays",
        args: ["<schedule>"],
        load: async () => (await import("../commands/schedules.ts")).deleteSchedule,
      },
      {
        name: "preview",
        about: "the next times of one, or of flags",
        args: ["[schedule]"],
        options: [...timing, { flags: "--count <n>", about: "how many (default 5)" }],
        load: async () => (await import("../commands/schedules.ts")).previewSchedule,
      },
      {
        name: "occurrences",
        about: "what became of each time, newest first; of all schedules without one",
        args: ["[schedule]"],
        options: [
          { flags: "--decision <decision>", about: "decided so", choices: ["run", "skipped", "missed"] },
          ...range,
          ...paging,
        ],
        load: async () => (await import("../commands/schedules.ts")).listOccurrences,
      },
      {
        name: "why",
        about: "why it did, or did not, run at a time",
        args: ["<schedule>"],
        options: [{ flags: "--at <time>", about: "2026-11-21T02:00:00Z, or 2h for two hours ago" }],
        load: async () => (await import("../commands/schedules.ts")).whySchedule,
      },
      {
        name: "backfill",
        about: "run the times of a range that have no run",
        args: ["<schedule>"],
        options: [
          ...range,
          { flags: "--again", about: "also those that ran" },
          { flags: "--per-minute <n>", about: "runs in a minute (default 60)" },
          { flags: "--dry-run", about: "only count them" },
          { flags: "--wait", about: "wait until all are made" },
        ],
        load: async () => (await import("../commands/schedules.ts")).backfillSchedule,
      },
    ],
  },
];

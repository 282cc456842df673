import type { Command, Option } from "../base/command.ts";
import type { Cli } from "../commands/context.ts";
import { containerOptions } from "./container-options.ts";
import { paging, runFilters, triggering, waiting } from "./shared-options.ts";

const definition: readonly Option[] = [
  { flags: "--file <file>", about: "fields as JSON, as the API takes them; flags win; - is stdin" },
  { flags: "--name <name>", about: "its name" },
  { flags: "--description <text>", about: "a sentence about it" },
  { flags: "--runtime <runtime>", about: "what runs the script", choices: ["python", "node", "bash"] },
  { flags: "--script <file>", about: "the script; - is stdin" },
  { flags: "--run-timeout <time>", about: "stop a run after this long" },
  { flags: "--memory-mb <n>", about: "memory limit" },
  { flags: "--label <key=value>", about: "label that its runner must have; may repeat", many: true },
  { flags: "--env <NAME=value>", about: "environment of the script; may repeat", many: true },
  { flags: "--queue <name>", about: "queue in which its runs wait" },
  { flags: "--priority <n>", about: "-100 to 100, higher goes first" },
  { flags: "--script-retries <n>", about: "retries after the script itself failed" },
  { flags: "--on-lost <policy>", about: "when its runner is lost", choices: ["retry", "fail", "wait"] },
  { flags: "--input <json>", about: "input of a run that is given none" },
  { flags: "--input-file <file>", about: "the same from a file" },
  { flags: "--input-schema <json>", about: "JSON Schema that inputs must suit; null takes every input" },
  { flags: "--input-schema-file <file>", about: "the same from a file; - is stdin" },
  {
    flags: "--chain <end=event>",
    about: "start this event at that end, such as success=Report; may repeat",
    many: true,
  },
  { flags: "--no-chains", about: "start no other events" },
  ...containerOptions,
];

export const work: readonly Command<Cli>[] = [
  {
    name: "events",
    about: "what can be run",
    verbs: [
      {
        name: "list",
        about: "list them, newest first",
        options: paging,
        load: async () => (await import("../commands/events.ts")).listEvents,
      },
      {
        name: "show",
        about: "show one, by id or name",
        args: ["<event>"],
        options: [{ flags: "--script", about: "print its script alone" }],
        load: async () => (await import("../commands/events.ts")).showEvent,
      },
      {
        name: "create",
        about: "store a new one",
        options: [
          ...definition,
          { flags: "--idempotency-key <key>", about: "a repeat with the same key is the same event" },
        ],
        load: async () => (await import("../commands/events.ts")).createEvent,
      },
      {
        name: "update",
        about: "save a new version",
        args: ["<event>"],
        options: [
          ...definition,
          { flags: "--based-on <n>", about: "the version that the change is based on (default: the newest)" },
        ],
        load: async () => (await import("../commands/events.ts")).updateEvent,
      },
      {
        name: "versions",
        about: "list its versions, newest first",
        args: ["<event>"],
        load: async () => (await import("../commands/events.ts")).listVersions,
      },
    ],
  },
  {
    name: "run",
    about: "run an event, by id or name, or a script once",
    args: ["[event]"],
    options: [
      ...triggering,
      ...waiting,
      { flags: "--script <file>", about: "run this script once instead of an event; - is stdin" },
      {
        flags: "--runtime <runtime>",
        about: "what runs the script (default: by its name)",
        choices: ["python", "node", "bash"],
      },
      { flags: "--name <name>", about: "name of that run (default: of the file)" },
      { flags: "--label <key=value>", about: "label that its runner must have; may repeat", many: true },
      { flags: "--env <NAME=value>", about: "environment of the script; may repeat", many: true },
      { flags: "--run-timeout <time>", about: "stop the script after this long" },
    ],
    load: async () => (await import("../commands/run.ts")).run,
  },
  {
    name: "runs",
    about: "what was triggered, and what became of it",
    verbs: [
      {
        name: "list",
        about: "list them, newest first",
        options: [
          ...runFilters,
          { flags: "--parent <run>", about: "that a chain started at the end of this run" },
          ...paging,
        ],
        load: async () => (await import("../commands/runs.ts")).listRuns,
      },
      {
        name: "show",
        about: "show one with its attempts",
        args: ["<run>"],
        load: async () => (await import("../commands/runs.ts")).showRun,
      },
      {
        name: "wait",
        about: "wait for the end, print the output; the exit code says how it ended",
        args: ["<run>"],
        options: [{ flags: "--timeout <time>", about: "wait no longer than this" }],
        load: async () => (await import("../commands/runs.ts")).waitRun,
      },
      {
        name: "artifacts",
        about: "list the files that one keeps, or fetch one of them",
        args: ["<run>"],
        options: [
          { flags: "--get <name>", about: "fetch this one" },
          { flags: "--output <file>", about: "where to (default: its own name, here; - for standard output)" },
        ],
        load: async () => (await import("../commands/artifacts.ts")).runArtifacts,
      },
      {
        name: "cancel",
        about: "cancel one",
        args: ["<run>"],
        load: async () => (await import("../commands/runs.ts")).cancelRun,
      },
      {
        name: "retry",
        about: "run again what an ended one ran, as a new run",
        args: ["<run>"],
        options: [...triggering, ...waiting],
        load: async () => (await import("../commands/runs.ts")).retryRun,
      },
      {
        name: "requeue",
        about: "put a dead letter back into the queue, as the same run",
        args: ["<run>"],
        options: [{ flags: "--idempotency-key <key>", about: "a repeat with the same key changes nothing, for a day" }],
        load: async () => (await import("../commands/runs.ts")).requeueRun,
      },
      {
        name: "update",
        about: "change one while it is queued",
        args: ["<run>"],
        options: [{ flags: "--priority <n>", about: "-100 to 100, higher goes first" }],
        load: async () => (await import("../commands/runs.ts")).updateRun,
      },
      {
        name: "cancel-many",
        about: "cancel all that a filter finds",
        options: [...runFilters, { flags: "--dry-run", about: "only say how many it would be" }],
        load: async () => (await import("../commands/bulk.ts")).cancelMany,
      },
      {
        name: "bulk",
        about: "cancel, retry or requeue all that a filter finds; show or stop such work by its id",
        args: ["<action>", "[id]"],
        options: [
          ...runFilters,
          { flags: "--dry-run", about: "only say how many it would be" },
          { flags: "--wait", about: "wait for the end of the work" },
        ],
        load: async () => (await import("../commands/bulk.ts")).bulk,
      },
    ],
  },
  {
    name: "logs",
    about: "print what a run printed",
    args: ["<run>"],
    options: [
      { flags: "-f, --follow", about: "go on as it comes, until the run has ended" },
      { flags: "--stream <stream>", about: "one stream alone", choices: ["stdout", "stderr", "system"] },
      { flags: "--attempt <n>", about: "one attempt alone" },
      { flags: "--raw", about: "also on a terminal, every byte as it is" },
      { flags: "--download <file>", about: "every byte into a new file; on stderr, whether the log is complete" },
    ],
    load: async () => (await import("../commands/logs.ts")).logs,
  },
  {
    name: "queues",
    about: "where runs wait",
    verbs: [
      {
        name: "list",
        about: "list them, with what waits and runs",
        load: async () => (await import("../commands/queues.ts")).listQueues,
      },
      {
        name: "pause",
        about: "start nothing more of it; what runs goes on",
        args: ["<queue>"],
        options: [{ flags: "--note <text>", about: "why; shown with every run that waits" }],
        load: async () => (await import("../commands/queues.ts")).pauseQueue,
      },
      {
        name: "resume",
        about: "start its runs again",
        args: ["<queue>"],
        load: async () => (await import("../commands/queues.ts")).resumeQueue,
      },
    ],
  },
  {
    name: "stats",
    about: "how many runs wait, work and ended",
    load: async () => (await import("../commands/queues.ts")).stats,
  },
];

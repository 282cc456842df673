import type { Command } from "../base/command.ts";
import type { Cli } from "../commands/context.ts";

export const fleet: readonly Command<Cli>[] = [
  {
    name: "runners",
    about: "the machines that do the work",
    verbs: [
      {
        name: "list",
        about: "list them with their state",
        load: async () => (await import("../commands/runners.ts")).listRunners,
      },
      {
        name: "show",
        about: "show one, by id or name",
        args: ["<runner>"],
        load: async () => (await import("../commands/runners.ts")).showRunner,
      },
      {
        name: "pause",
        about: "give one no new work; what it runs goes on",
        args: ["<runner>"],
        options: [
          { flags: "--note <text>", about: "why, for those who see it" },
          { flags: "--for <time>", about: "resume by itself after 1m to 30d (default: never)" },
        ],
        load: async () => (await import("../commands/runners.ts")).pauseRunner,
      },
      {
        name: "resume",
        about: "end its pause",
        args: ["<runner>"],
        load: async () => (await import("../commands/runners.ts")).resumeRunner,
      },
      {
        name: "drain",
        about: "let it finish what it has, and end",
        args: ["<runner>"],
        options: [{ flags: "--note <text>", about: "why, for the audit" }],
        load: async () => (await import("../commands/runners.ts")).drainRunner,
      },
      {
        name: "remove",
        about: "revoke one: its key ends at once",
        args: ["<runner>"],
        load: async () => (await import("../commands/runners.ts")).removeRunner,
      },
    ],
  },
  {
    name: "tokens",
    about: "registration tokens, which bring in new runners",
    verbs: [
      {
        name: "list",
        about: "list them with what became of each",
        load: async () => (await import("../commands/tokens.ts")).listTokens,
      },
      {
        name: "revoke",
        about: "end one before its time; what it registered stays",
        args: ["<token>"],
        load: async () => (await import("../commands/tokens.ts")).revokeToken,
      },
      {
        name: "create",
        about: "make one, and print the command for the new machine",
        options: [
          {
            flags: "--kind <kind>",
            about: "for one machine (default), for several, or for runners of one job each",
            choices: ["single-use", "reusable", "ephemeral"],
          },
          { flags: "--max-uses <n>", about: "machines it may register, 1 to 1000 (default 1; reusable 100)" },
          { flags: "--label <key=value>", about: "label that the runner gets; may repeat", many: true },
          { flags: "--expires-in <time>", about: "60s to 1h (default 1h)" },
        ],
        load: async () => (await import("../commands/tokens.ts")).createToken,
      },
    ],
  },
];

import type { Command, Option } from "../base/command.ts";
import type { Cli } from "../commands/context.ts";
import { basedOn } from "./shared-options.ts";

const ofEvent: Option = { flags: "--event <event>", about: "of this event alone, by id or name" };
const description: Option = { flags: "--description <text>", about: "what it is for" };

export const values: readonly Command<Cli>[] = [
  {
    name: "secrets",
    about: "values that only runs get to see",
    verbs: [
      {
        name: "list",
        about: "list them, with who uses them",
        options: [{ ...ofEvent, about: "those that runs of this event get" }],
        load: async () => (await import("../commands/secrets.ts")).listSecrets,
      },
      {
        name: "set",
        about: "make one or replace its value, read from stdin",
        args: ["<name>"],
        options: [{ flags: "--file <file>", about: "the value from a file, as it is" }, basedOn, ofEvent, description],
        load: async () => (await import("../commands/secrets.ts")).setSecret,
      },
      {
        name: "delete",
        about: "delete one",
        args: ["<name>"],
        options: [ofEvent, { flags: "--force", about: "even while events name it" }],
        load: async () => (await import("../commands/secrets.ts")).deleteSecret,
      },
      {
        name: "import",
        about: "store every line of a .env file, or none; - is stdin",
        args: ["<file>"],
        options: [ofEvent, { flags: "--dry-run", about: "only say what it would do" }],
        load: async () => (await import("../commands/secrets.ts")).importSecrets,
      },
    ],
  },
  {
    name: "variables",
    about: "values that everybody may see, with their history",
    verbs: [
      {
        name: "list",
        about: "list them",
        options: [{ ...ofEvent, about: "those that runs of this event get" }],
        load: async () => (await import("../commands/variables.ts")).listVariables,
      },
      {
        name: "get",
        about: "print the value of one",
        args: ["<name>"],
        options: [ofEvent],
        load: async () => (await import("../commands/variables.ts")).getVariable,
      },
      {
        name: "set",
        about: "make one or give it another value",
        args: ["<name>", "[value]"],
        options: [
          { flags: "--file <file>", about: "the value from a file; - is stdin" },
          {
            flags: "--type <type>",
            about: "what the value is (default: as before, or string)",
            choices: ["string", "number", "boolean", "json"],
          },
          basedOn,
          ofEvent,
          description,
        ],
        load: async () => (await import("../commands/variables.ts")).setVariable,
      },
      {
        name: "delete",
        about: "delete one with all its values",
        args: ["<name>"],
        options: [ofEvent],
        load: async () => (await import("../commands/variables.ts")).deleteVariable,
      },
      {
        name: "history",
        about: "the values that one has had",
        args: ["<name>"],
        options: [ofEvent],
        load: async () => (await import("../commands/variables.ts")).variableHistory,
      },
    ],
  },
];

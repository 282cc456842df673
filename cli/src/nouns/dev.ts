import type { Command, Option } from "../base/command.ts";
import type { Cli } from "../commands/context.ts";

const given: readonly Option[] = [
  { flags: "--input <json>", about: "input of the run" },
  { flags: "--input-file <file>", about: "input from a file; - is stdin" },
  { flags: "--variable <name=value>", about: "a variable, as JSON or text; may be repeated", many: true },
  { flags: "--variables <file>", about: "variables from a file that holds a JSON object" },
  { flags: "--secrets <file>", about: "secrets from a file that holds a JSON object" },
  { flags: "--event <name>", about: "name of the event that the script is told" },
  { flags: "--artifacts <folder>", about: "keep artifacts in this folder" },
  { flags: "--port <n>", about: "serve on this port of 127.0.0.1 instead of a socket; 0 takes a free one" },
];

export const dev: readonly Command<Cli>[] = [
  {
    name: "dev",
    about: "try a script on this machine, without a control plane or a runner",
    verbs: [
      {
        name: "run",
        about: "run a script with values of your own; nothing is stored",
        args: ["<script>"],
        options: given,
        load: async () => (await import("../commands/dev.ts")).devRun,
      },
      {
        name: "serve",
        about: "serve the runtime API to scripts that you start yourself",
        options: given,
        load: async () => (await import("../commands/dev.ts")).devServe,
      },
    ],
  },
];

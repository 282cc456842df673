import type { Command } from "../base/command.ts";
import { version } from "../base/version.ts";
import type { Cli } from "../commands/context.ts";

export const tools: readonly Command<Cli>[] = [
  {
    name: "api",
    about: "one request to the API with the key of the profile",
    args: ["<method>", "<path>"],
    options: [
      { flags: "--data <json>", about: "body" },
      { flags: "--data-file <file>", about: "body from a file; - is stdin" },
      { flags: "--idempotency-key <key>", about: "makes a repeated request the same one" },
      { flags: "-i, --include", about: "print status and headers to stderr" },
    ],
    load: async () => (await import("../commands/tools.ts")).callApi,
  },
  {
    name: "open",
    about: "open the dashboard: a run or event by its id, or a page",
    args: ["[what]"],
    options: [{ flags: "--print", about: "only print the address" }],
    load: async () => (await import("../commands/tools.ts")).openPage,
  },
  {
    name: "completion",
    about: "print the completion script of a shell",
    args: ["<shell>"],
    load: async () => {
      const { completionScript } = await import("../commands/completion.ts");
      return ({ out }, input) => Promise.resolve(out.write(completionScript(input.arg(0))));
    },
  },
  {
    name: "version",
    about: "print the version",
    load: () =>
      Promise.resolve(({ out }: Cli) => {
        if (out.json) {
          out.value({ version });
        } else {
          out.line(version);
        }
        return Promise.resolve();
      }),
  },
];

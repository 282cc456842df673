/** Flags for the container of an event; `commands/container-flags.ts` reads them. */
import { networkModes, pullPolicies } from "@cronium/protocol/container-defaults";
import type { Option } from "../base/command.ts";

export const containerOptions: readonly Option[] = [
  { flags: "--image <image>", about: "image of its container; none: the built-in one of its runtime" },
  { flags: "--pull <when>", about: "when that image is fetched", choices: pullPolicies },
  { flags: "--cpus <n>", about: "processors, 0.1 to 64" },
  { flags: "--memory <size>", about: "memory limit, such as 512m or 2g; the same as --memory-mb" },
  { flags: "--pids <n>", about: "processes and threads at the same time" },
  { flags: "--files <n>", about: "files that one process may hold open" },
  { flags: "--tmp <size>", about: "size of /tmp, of its memory" },
  { flags: "--disk <size>", about: "puts /workspace on disk with this size" },
  { flags: "--mount <name:/target>", about: "folder that the runner's policy names; may repeat", many: true },
  { flags: "--network <mode>", about: "what it may reach", choices: networkModes },
  { flags: "--allow-host <host>", about: "host that it reaches by the proxy; may repeat", many: true },
  { flags: "--isolated", about: "a fresh interpreter for each run" },
  { flags: "--no-isolated", about: "the interpreter that waits; the default" },
  { flags: "--reuse", about: "its runs may follow one another in a container" },
  { flags: "--no-reuse", about: "a container for each run; the default" },
  { flags: "--package <name>", about: "package of npm, name or name@range; may repeat", many: true },
  { flags: "--keep-failed <time>", about: "keep the container of a failed run for a look; 0s: not" },
  { flags: "--log-cap <size>", about: "how much of a run's log is kept" },
  { flags: "--log-overflow <what>", about: "what happens beyond it", choices: ["drop", "kill"] },
  {
    flags: "--executor <name>",
    about: "container, or process where the policy allows it",
    choices: ["container", "process"],
  },
];

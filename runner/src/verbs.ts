/** The command line: verbs with their flags and help, and what each does. */
import { Command, Option } from "commander";
import { exitCodes, ExitError } from "./base/exit-error.ts";
import { serviceKinds, serviceVerbs, type ServiceFlags, type ServiceVerb } from "./commands/service.ts";
import { type Config, Flags, readConfig } from "./config.ts";
import { programVersion } from "./program-files.ts";

/** Those that need an executor, which is named elsewhere. Each resolves with the exit code. */
export interface Verbs {
  readonly up: (config: Config, json: boolean) => Promise<number>;
  readonly doctor: (config: Config, json: boolean) => Promise<number>;
  /** `runner`: that of the runner itself too. */
  readonly images: (config: Config, json: boolean, runner: boolean) => Promise<number>;
  /** `flags`: those of `run`, as they were typed. */
  readonly run: (config: Config, file: string, flags: Record<string, unknown>) => Promise<number>;
}

type Action = (flags: Record<string, unknown>, args: readonly string[]) => number | Promise<number>;

const HELP_TAIL = `
First start, on a new machine:  cronium-runner --token crnr_…
Every later start:              cronium-runner
What it does now:               cronium-runner status
With the machine:               cronium-runner service install

Exit codes: 0 done, 2 wrong flag or file, 3 token refused, 4 name or folder in use,
5 upgrade needed, 7 control plane not reachable, 8 doctor found something,
9 its one job was taken away, 75 replaced by a newer process, 77 revoked,
78 no executor can work here.`;

/** Throws `ExitError`, and commander's own error, which has been printed. */
export async function parseCommandLine(argv: readonly string[], verbs: Verbs): Promise<number> {
  let result: number | Promise<number> = exitCodes.ok;
  const program = new Command("cronium-runner")
    .description("Runs Cronium jobs in hardened containers on this machine.")
    .version(programVersion())
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "")) })
    .showHelpAfterError("Run cronium-runner --help for the list.");
  const verb = (
    usage: string,
    about: string,
    examples: readonly string[],
    action: Action,
    isDefault = false,
  ): Command => {
    const [name = ""] = usage.split(" ");
    const command = program.command(usage, { isDefault }).description(about);
    if (examples.length > 0) {
      command.addHelpText("after", `\nExamples:\n${examples.map((line) => `  ${line}`).join("\n")}`);
    }
    return command
      .option("--data-dir <folder>", "where credential, journal and spool live")
      .option("--json", name === "up" ? "its own log as JSON, also on a terminal" : "one JSON value for programs")
      .action((...given: unknown[]) => {
        const self = given.at(-1) as Command;
        result = action(self.opts(), self.args);
      });
  };
  const json = (flags: Record<string, unknown>): boolean => flags["json"] === true;

  const up = verb(
    "up",
    "connect and run jobs (default)",
    [
      "cronium-runner --token crnr_…",
      "echo crnr_… | cronium-runner up --token-file - --label zone=eu",
      "cronium-runner up --take-over",
    ],
    (flags) => verbs.up(settings(flags), json(flags)),
    true,
  );
  addUpOptions(up);
  addRunOptions(
    verb(
      "run <file>",
      "run a script here, once, in the container of a job and without a control plane",
      [
        'cronium-runner run backup.py --input \'{"day":"2026-11-20"}\' --secret DB_PASSWORD=@password.txt',
        "cronium-runner run check.sh --image debian:13 --timeout 5m --json",
      ],
      // Flags that up has too mean other things here.
      (flags, [file = ""]) => verbs.run(settings({ policy: flags["policy"] }), file, flags),
    ),
  );
  verb("status", "what the runner on this machine does now", ["cronium-runner status --json"], async (flags) => {
    const { statusCommand } = await import("./commands/running.ts");
    return statusCommand(settings(flags), json(flags));
  });
  verb(
    "logs [run]",
    "its own log, or what a job here prints",
    ["cronium-runner logs -f", "cronium-runner logs run_… -f"],
    async (flags, [run]) => {
      const { logsCommand } = await import("./commands/running.ts");
      return logsCommand(settings(flags), run, { json: json(flags), follow: flags["follow"] === true });
    },
  ).option("-f, --follow", "go on with what comes");
  verb(
    "inspect <run>",
    "what is known here of a run, and how to look into a container that was kept",
    ["cronium-runner inspect run_…", "cronium-runner inspect run_… --shell"],
    async (flags, [run = ""]) => {
      const { inspectCommand } = await import("./commands/inspect.ts");
      return inspectCommand(settings(flags), run, { json: json(flags), shell: flags["shell"] === true });
    },
  ).option("--shell", "a shell in the image of the kept container, without rights or a network");
  for (const [name, about] of [
    ["drain", "take nothing new, finish what runs, leave"],
    ["pause", "take nothing new and stay connected, also after a restart"],
    ["resume", "take jobs again"],
  ] as const) {
    const command = verb(name, about, [`cronium-runner ${name}`], async (flags) => {
      const { tellCommand } = await import("./commands/running.ts");
      return tellCommand(settings(flags), name, { json: json(flags), stopJobs: flags["stopJobs"] === true });
    });
    if (name === "drain") {
      command.option("--stop-jobs", "stop the jobs too; they are tried again elsewhere");
    }
  }
  verb(
    "unregister",
    "take this machine out of the control plane for good",
    ["cronium-runner unregister --yes"],
    async (flags) => {
      const { unregisterCommand } = await import("./commands/unregister.ts");
      const on = (name: string): boolean => flags[name] === true;
      return unregisterCommand(settings(flags), {
        json: json(flags),
        yes: on("yes"),
        force: on("force"),
        local: on("local"),
      });
    },
  )
    .option("--yes", "do not ask")
    .option("--force", "also with jobs, which are lost")
    .option("--local", "forget the registration here alone");
  verb(
    "policy",
    "what the local policy file allows; checks it",
    ["cronium-runner policy --policy ./policy.yaml"],
    async (flags) => {
      const { policyCommand } = await import("./commands/policy.ts");
      return policyCommand(settings(flags), json(flags));
    },
  ).option("--policy <file>", "the file (default: /etc/cronium/policy.yaml)");
  verb(
    "service <verb> [flags...]",
    `start with the machine, by systemd or launchd: ${serviceVerbs.join(", ")}`,
    [
      "cronium-runner service install",
      "cronium-runner service print --kind launchd",
      "cronium-runner service install -- --capacity 8",
    ],
    async (flags, [what = "", ...upFlags]) => {
      if (!isServiceVerb(what)) {
        throw new ExitError("usage", `"${what}" is no verb of service.`, `Use one of ${serviceVerbs.join(", ")}.`);
      }
      const { serviceCommand } = await import("./commands/service.ts");
      // A flag that up does not know must be found now, and not by a service that will not start.
      const config = settings(flagsOf(upFlags, flags));
      return serviceCommand(config, what, { ...(flags as unknown as ServiceFlags), json: json(flags) }, upFlags);
    },
  )
    .addOption(new Option("--kind <manager>", "the service manager (default: this system's)").choices(serviceKinds))
    .option("--user", "a service of your own session (default unless root)", false)
    .option("--run-as <account>", "system account that it runs as (default: root)")
    .option("--folder <folder>", "where the file goes instead of the system's folder");
  verb(
    "doctor",
    "check this machine and say what to fix",
    ["cronium-runner doctor --url https://cronium.example"],
    (flags) => verbs.doctor(settings(flags), json(flags)),
  ).option("--url <url>", "address of the control plane (default: the registered one)");
  verb("images", "make sure that the built-in images are here", ["cronium-runner images --runner"], (flags) =>
    verbs.images(settings(flags), json(flags), flags["runner"] === true),
  ).option("--runner", "make the image of the runner itself too");
  program.addHelpText("after", () => `\n${optionsOf(program, up)}\n${HELP_TAIL}`);
  program.parse(argv, { from: "user" });
  return result;
}

function addUpOptions(command: Command): Command {
  return command
    .option("--url <url>", "address of the control plane (default: from the token; CRONIUM_URL)")
    .option("--log-level <level>", "debug, info, warn or error", "info")
    .option("--log-file <file>", "its own log goes there instead of stderr, and rotates")
    .option("--log-file-size <MB>", "size at which a new file begins (default: 10)")
    .option("--log-files <n>", "files that are kept (default: 5)")
    .option("--metrics <host:port>", "serve /metrics for Prometheus there, such as 127.0.0.1:9400")
    .option("--token <token>", "registration token crnr_…, needed once (CRONIUM_TOKEN)")
    .option("--token-file <file>", "file that holds it, - for stdin (CRONIUM_TOKEN_FILE)")
    .option("--name <name>", "name of this runner (default: the host name)")
    .option("--label <key=value>", "label that events can ask for; may repeat", collect, [])
    .option("--capacity <n>", "jobs at the same time (default: processor cores, at least 2)")
    .option("--warm <n>", "most containers kept started for jobs to come; 0: none (default: as --capacity)")
    .option("--keep-failed <n>", "most containers of failed runs kept for a look; 0: none (default: 10)")
    .option("--api-transport <way>", "unix, or stdio where the engine sees no folder of this machine (default: unix)")
    .option("--memory <MB|%>", "what their limits may add up to, or unlimited (default: 80%)")
    .option("--policy <file>", "local policy (default: /etc/cronium/policy.yaml)")
    .option("--drain-timeout <seconds>", "stop running jobs this long after SIGTERM (default: never)")
    .option("--replace", "take over the name of an existing runner")
    .option("--take-over", "take the place of the runner on this folder; its jobs go on")
    .option("--once", "take one job, deliver it and end")
    .option("--ephemeral", "as --once, and leave the control plane for good")
    .addOption(new Option("--executor <name>", "docker, or fake for scenarios").hideHelp());
}

function addRunOptions(command: Command): void {
  command
    .addOption(
      new Option("--runtime <name>", "python, node or bash (default: by the file's name or first line)").choices([
        "python",
        "node",
        "bash",
      ]),
    )
    .option("--input <json>", "its input, or @FILE that holds it (default: null)")
    .option("--env <name=value>", "a variable of its environment; may repeat", collect, [])
    .option("--secret <name=@file>", "a secret that it may read, hidden in what it prints; may repeat", collect, [])
    .option("--variable <name=value>", "a variable of the runtime API, JSON or text; may repeat", collect, [])
    .option("--timeout <time>", "stop it after this long, such as 90s, 5m or 1h", "1h")
    .option("--memory <MB>", "its memory limit (default: 512)")
    .option("--cpus <n>", "processors (default: 2)")
    .option("--image <image>", "an image of your own (default: the built-in one)")
    .option("--package <name>", "a package that it needs, as an event declares it; may repeat", collect, [])
    .option("--allow-host <host>", "a host that it may reach through the proxy; may repeat", collect, [])
    .option("--bridge", "a network of its own with a way out")
    .option("--artifacts <folder>", "where the files go that it stores (default: they are forgotten)")
    .option("--policy <file>", "local policy (default: /etc/cronium/policy.yaml)")
    .addHelpText(
      "after",
      `
Ends with the script's exit code; 124 when it took too long, 125 when it could not be
started, 137 when the kernel killed it, 130 when it was stopped. Output of
the script goes to stdout and stderr; with --json both go to stderr, and one JSON value
with outcome, exitCode, output and variables to stdout.`,
    );
}

/** The flags of the default command, which commander would only show in its own help. */
function optionsOf(program: Command, up: Command): string {
  const options = program
    .createHelp()
    .visibleOptions(up)
    .filter((option) => option.long !== "--help");
  return ["Options of up:", ...options.map(({ flags, description }) => `  ${flags.padEnd(26)} ${description}`)].join(
    "\n",
  );
}

/** `up`'s flags as `service` is handed them, with the data folder of the service. */
function flagsOf(args: readonly string[], service: Record<string, unknown>): Record<string, unknown> {
  const command = addUpOptions(new Command("up")).exitOverride().showHelpAfterError("Run cronium-runner up --help.");
  command.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "")) });
  command.parse(args, { from: "user" });
  return { ...command.opts(), dataDir: service["dataDir"] };
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

function isServiceVerb(text: string): text is ServiceVerb {
  return (serviceVerbs as readonly string[]).includes(text);
}

function settings(flags: unknown): Config {
  const parsed = Flags.safeParse(flags);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const flag = String(issue?.path[0] ?? "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new ExitError("usage", `--${flag} ${issue?.message ?? "is not valid"}.`, "See cronium-runner --help.");
  }
  return readConfig(parsed.data, process.env);
}

/** From the table of commands to a parsed command line: names, help and refusals by commander. */
import { Command as Commander, CommanderError, Option as CommanderOption } from "commander";
import { type Command, globalOptions, isNoun, type Leaf, type Option } from "./base/command.ts";
import { ExitError, exitCodes } from "./base/exit-error.ts";
import { Input } from "./base/input.ts";
import { version } from "./base/version.ts";
import { type Cli, makeCli } from "./commands/context.ts";
import { commands } from "./nouns/table.ts";

const HELP_TAIL = `
Signs in with cronium login, or by CRONIUM_URL and CRONIUM_TOKEN.

Exit codes: 0 done, 1 failure, 2 usage, 3 not signed in or not allowed, 4 not found, 5 conflict,
6 limit, 7 no answer (try again), 8 wait timed out, 10 run failed or timed out, 11 run cancelled,
12 run expired or skipped, 130 Ctrl-C.`;

/** Runs one command line. The answer is the exit code; what goes wrong is thrown. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let chosen: { readonly leaf: Leaf<Cli>; readonly input: Input } | undefined;
  const program = new Commander("cronium")
    .description("Cronium on the command line.")
    .version(version, "-V, --version", "print the version")
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: (.)/, (_all, first: string) => first.toUpperCase())),
    })
    .exitOverride()
    .showHelpAfterError("See --help.")
    .addHelpText("after", HELP_TAIL);
  for (const command of wanted(argv)) {
    if (isNoun(command)) {
      const noun = program.command(command.name).description(command.about);
      for (const verb of command.verbs) {
        addLeaf(noun, verb, (leaf, input) => (chosen = { leaf, input }));
      }
    } else {
      addLeaf(program, command, (leaf, input) => (chosen = { leaf, input }));
    }
  }
  program.parse([...argv], { from: "user" });
  if (chosen === undefined) {
    return exitCodes.ok;
  }
  const act = await chosen.leaf.load();
  return (await act(makeCli(chosen.input), chosen.input)) ?? exitCodes.ok;
}

/** Only what was asked for is built; help and a wrong word need all. */
function wanted(argv: readonly string[]): readonly Command<Cli>[] {
  const found = commands.find(({ name }) => name === argv[0]);
  return found === undefined ? commands : [found];
}

function addLeaf(parent: Commander, leaf: Leaf<Cli>, choose: (leaf: Leaf<Cli>, input: Input) => void): void {
  const command = parent.command(leaf.name).description(leaf.about);
  for (const argument of leaf.args ?? []) {
    command.argument(argument);
  }
  for (const option of leaf.options ?? []) {
    command.addOption(toOption(option));
  }
  for (const option of globalOptions) {
    command.addOption(toOption(option));
  }
  command.action(() => choose(leaf, new Input(command.args, command.opts())));
}

function toOption({ flags, about, many, choices }: Option): CommanderOption {
  const option = new CommanderOption(flags, about);
  if (many === true) {
    // Values of a list are checked where they are read: one may hold several.
    return option.argParser((value: string, previous: string[] | undefined) => [...(previous ?? []), value]);
  }
  return choices === undefined ? option : option.choices([...choices]);
}

/** Two lines on stderr, the cause and what to do next; the answer is the exit code. */
export function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has said it already; asking for help or the version is no error.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof ExitError) {
    process.stderr.write(`${error.message}\n${error.next}\n`);
    return error.code;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`cronium failed: ${text}\nPlease report this.\n`);
  return exitCodes.failure;
}

/**
 * Completion in shells. Each script asks `cronium __complete` for what may come next, so that the table of commands is
 * the one place that knows, and a newer program needs no new script.
 */
import { type Command, globalOptions, isNoun, type Leaf, type Option, optionName } from "../base/command.ts";
import { ExitError } from "../base/exit-error.ts";

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_cronium() {
  local IFS=$'\\n'
  COMPREPLY=($(cronium __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _cronium cronium
`,
  zsh: `#compdef cronium
_cronium() {
  local -a found
  found=("\${(@f)$(cronium __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
compdef _cronium cronium
`,
  fish: `complete -c cronium -a '(cronium __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
  pwsh: `Register-ArgumentCompleter -Native -CommandName cronium -ScriptBlock {
  param($word, $ast, $position)
  $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($word -eq '') { $words += '""' }
  cronium __complete @words 2>$null | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`,
};

export const shells = Object.keys(SCRIPTS);

export function completionScript(shell: string): string {
  const script = SCRIPTS[shell];
  if (script === undefined) {
    throw new ExitError("usage", `There is no completion for ${JSON.stringify(shell)}.`, `Use ${shells.join(", ")}.`);
  }
  return script;
}

/** What may stand in the last place of `words`, which is begun or empty. */
export function candidates<Context>(table: readonly Command<Context>[], words: readonly string[]): string[] {
  const last = (words.at(-1) ?? "").replace(/^""$/, "");
  const before = words.slice(0, -1);
  const [first, second] = before;
  const command = table.find(({ name }) => name === first);
  const starting = (names: readonly string[]): string[] => names.filter((name) => name.startsWith(last));
  if (first === undefined) {
    return starting(table.map(({ name }) => name));
  }
  if (command === undefined) {
    return [];
  }
  if (isNoun(command)) {
    const verb = command.verbs.find(({ name }) => name === second);
    return verb === undefined
      ? starting(second === undefined ? command.verbs.map(({ name }) => name) : [])
      : starting(afterLeaf(verb, before.slice(2), last));
  }
  return starting(afterLeaf(command, before.slice(1), last));
}

function afterLeaf<Context>(leaf: Leaf<Context>, typed: readonly string[], last: string): string[] {
  const options: readonly Option[] = [...(leaf.options ?? []), ...globalOptions];
  const pending = options.find((option) =>
    option.flags.split(", ").some((flag) => flag.split(" ")[0] === typed.at(-1)),
  );
  if (pending?.flags.includes("<") === true) {
    return [...(pending.choices ?? [])];
  }
  if (last.startsWith("-")) {
    return options.map((option) => `--${option.flags.includes("--no-") ? "no-" : ""}${optionName(option)}`);
  }
  return leaf.name === "completion" && typed.length === 0 ? shells : [];
}

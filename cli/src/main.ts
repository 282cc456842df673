/** The program `cronium`. What a shell asks at every key press, and the version, load nothing else. */
import { version } from "./base/version.ts";

async function main(argv: readonly string[]): Promise<number> {
  const [first] = argv;
  if (argv.length === 1 && (first === "--version" || first === "-V")) {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (first === "__complete") {
    const [{ candidates }, { commands }] = await Promise.all([
      import("./commands/completion.ts"),
      import("./nouns/table.ts"),
    ]);
    process.stdout.write(
      candidates(commands, argv.slice(1))
        .map((word) => `${word}\n`)
        .join(""),
    );
    return 0;
  }
  const { runProgram, explain } = await import("./program.ts");
  return runProgram(argv).catch(explain);
}

// A reader that has seen enough, such as head, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.once("SIGINT", () => process.exit(130));
const code = await main(process.argv.slice(2));
process.exitCode = code;
// What a stranger keeps open must not keep a finished program alive.
process.stdout.write("", () => process.exit(code));

/** An answer of any length, as it comes: to stdout, or with `--output` into a file that does not exist yet. */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import type { Cli } from "./context.ts";

export async function saveAnswer(cli: Cli, input: Input, { body }: Response): Promise<void> {
  if (body === null) {
    return;
  }
  const file = input.text("output");
  if (file === undefined) {
    for await (const piece of body) {
      cli.out.write(piece as Uint8Array);
    }
    return;
  }
  try {
    await pipeline(body, createWriteStream(file, { flags: "wx", mode: 0o600 }));
  } catch (cause) {
    const code = String((cause as NodeJS.ErrnoException).code ?? cause);
    throw new ExitError("failure", `${file} was not written whole (${code}).`, "Give the name of a new file.", {
      cause,
    });
  }
}

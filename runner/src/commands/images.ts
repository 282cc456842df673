/** `cronium-runner images`: makes the built-in images that are missing, and names all of them. */
import { type Runtime, runtimes } from "@cronium/protocol";
import { exitCodes, ExitError } from "../base/exit-error.ts";
import { show } from "./output.ts";

interface Probe {
  images(): Promise<readonly { readonly runtime: Runtime; readonly tag: string; readonly here: boolean }[]>;
}

export async function imagesCommand(
  probe: Probe,
  files: { readonly buildScript: string | null },
  build: (script: string, runtimes: readonly Runtime[], line: (text: string) => void) => Promise<unknown>,
  json: boolean,
): Promise<number> {
  const found = await probe.images();
  const missing = runtimes.filter((runtime) => found.some((image) => image.runtime === runtime && !image.here));
  if (missing.length > 0) {
    if (files.buildScript === null) {
      throw new ExitError("usage", "This installation brings no image build script.", "Reinstall the runner.");
    }
    await build(files.buildScript, missing, (line) => process.stderr.write(`${line}\n`));
  }
  const images = found.map(({ runtime, tag }) => ({ runtime, tag, made: missing.includes(runtime) }));
  show(json, { images }, () => images.map(({ runtime, tag }) => `${runtime} ${tag}`).join("\n"));
  return exitCodes.ok;
}

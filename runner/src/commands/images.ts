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
  {
    build,
    own,
  }: {
    readonly build: (script: string, runtimes: readonly Runtime[], line: (text: string) => void) => Promise<unknown>;
    /** Makes the image of the runner; null: it is not asked for. Resolves with its tag. */
    readonly own: {
      readonly build: (script: string, line: (text: string) => void) => Promise<string>;
    } | null;
  },
  json: boolean,
): Promise<number> {
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const found = await probe.images();
  const missing = runtimes.filter((runtime) => found.some((image) => image.runtime === runtime && !image.here));
  const script = files.buildScript;
  if ((missing.length > 0 || own !== null) && script === null) {
    throw new ExitError("usage", "This installation brings no image build script.", "Reinstall the runner.");
  }
  if (missing.length > 0) {
    await build(script ?? "", missing, progress);
  }
  const runner = own === null ? null : await own.build(script ?? "", progress);
  const images = found.map(({ runtime, tag }) => ({ runtime, tag, made: missing.includes(runtime) }));
  const names = [
    ...images.map(({ runtime, tag }) => `${runtime} ${tag}`),
    ...(runner === null ? [] : [`runner ${runner}`]),
  ];
  show(json, { images, ...(runner === null ? {} : { runner }) }, () => names.join("\n"));
  return exitCodes.ok;
}

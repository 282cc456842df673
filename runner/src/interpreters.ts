/** What an image of a user must bring for scripts of each runtime; everything else the runner adds. */
import type { Runtime } from "@cronium/protocol";

export const interpreters: Readonly<Record<Runtime, string>> = {
  python: "python3 (3.9 or newer)",
  node: "node (24 or newer)",
  bash: "sh, bash and curl",
};

export function unusableImage(image: string, runtime: Runtime): string {
  return `The image ${image} cannot run ${runtime} scripts: it must have ${interpreters[runtime]} in its PATH.`;
}

/** Tags of the images that jobs run in; the references use the very same ones. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export function imageOf(runtime: "python" | "node" | "bash"): string {
  const script = fileURLToPath(new URL("../../images/build.sh", import.meta.url));
  const tags = JSON.parse(execFileSync("bash", [script, "--tags"], { encoding: "utf8" })) as Record<string, string>;
  const tag = tags[runtime];
  if (tag === undefined) {
    throw new Error(`images/build.sh --tags names no image for ${runtime}.`);
  }
  return tag;
}

/** `npm run images [-- --force] [image…]`: builds the images that are absent and prints their tags. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureDocker } from "./machine.ts";
import { reportToTerminal } from "./progress.ts";
import { ROOT } from "./repository.ts";

const docker = await ensureDocker();
if (docker.ok) {
  const args = [join(ROOT, "images/build.sh"), ...process.argv.slice(2)];
  process.exitCode = spawnSync("bash", args, { stdio: "inherit" }).status ?? 1;
} else {
  reportToTerminal(docker.message);
  process.exitCode = 1;
}

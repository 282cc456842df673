/** `cronium-runner doctor`: looks at everything a runner needs and says, line by line, what is wrong and how to fix it. */
import { type Runtime, runtimes } from "@cronium/protocol";
import { ExitError } from "../base/exit-error.ts";
import { errorText } from "../base/log.ts";
import type { Config } from "../config.ts";
import { readCredential } from "../credential.ts";
import { loadPolicy } from "../policy.ts";
import { type EngineFacts, engineFindings, unreachableEngine } from "./engine.ts";
import { type Finding, fine, toFix } from "./finding.ts";
import { diskFinding, nodeFinding } from "./machine.ts";
import { planeFindings } from "./plane.ts";
import { ownRights, rightsFindings } from "./rights.ts";

/** What `doctor` asks of Docker, answered by the executor's files. */
export interface DockerProbe {
  /** Rejects with what the socket says when nobody answers. */
  facts(): Promise<EngineFacts>;
  /** Tag of each runtime's image, and whether it is here. */
  images(): Promise<readonly { readonly runtime: Runtime; readonly tag: string; readonly here: boolean }[]>;
}

export async function examine(
  config: Config,
  docker: DockerProbe,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const url = config.url ?? readCredential(config.dataDir)?.registration?.url ?? null;
  const [engine, disk, plane] = await Promise.all([
    dockerFindings(config, docker, env),
    diskFinding(config.dataDir),
    url === null ? [fine("Not registered yet")] : planeFindings(url, env),
  ]);
  return [nodeFinding(process.versions.node), ...engine, disk, policyFinding(config), ...plane];
}

async function dockerFindings(
  config: Config,
  docker: DockerProbe,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  let facts: EngineFacts;
  try {
    facts = await docker.facts();
  } catch (error) {
    return [unreachableEngine(config.docker, error)];
  }
  // A rootless engine offers neither, which is told with it.
  const rights = facts.rootless ? [] : rightsFindings(ownRights(env["PATH"] ?? ""));
  return [...engineFindings(config, facts), ...rights, await images(docker)];
}

async function images(docker: DockerProbe): Promise<Finding> {
  try {
    const found = await docker.images();
    const missing = runtimes.filter((runtime) => !found.some((image) => image.runtime === runtime && image.here));
    return missing.length === 0
      ? fine("Images are here")
      : toFix(
          `Images are missing: ${missing.join(", ")}`,
          "Make them now with cronium-runner images; the runner also does so by itself.",
        );
  } catch (error) {
    return toFix(`Images: ${errorText(error)}`, "Reinstall the runner.");
  }
}

function policyFinding({ policyFiles, policyRequired }: Config): Finding {
  try {
    const { path } = loadPolicy(policyFiles, policyRequired);
    return fine(path === null ? "No policy file: the defaults hold" : `Policy ${path} is valid`);
  } catch (error) {
    return toFix(errorText(error), error instanceof ExitError ? error.next : "Check the file.");
  }
}

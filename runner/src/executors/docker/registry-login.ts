/**
 * Credentials of registries: what the local policy file names, then what `docker login` left on this machine. They are
 * read when they are needed, so that a password that was changed is taken up; they never leave this machine.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { errorText } from "../../base/log.ts";
import type { Policy } from "../../policy.ts";
import { ExecutorError } from "../types.ts";

export type Login =
  | { readonly username: string; readonly password: string; readonly serveraddress: string }
  | { readonly identitytoken: string; readonly serveraddress: string };

const HELPER_WITHIN_MS = 20_000;
/** What Docker calls its own registry in its files. */
const DOCKER_HUB = "https://index.docker.io/v1/";

const DockerConfig = z.object({
  auths: z
    .record(z.string(), z.object({ auth: z.string().optional(), identitytoken: z.string().optional() }))
    .default({}),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).default({}),
});
const HelperAnswer = z.object({ Username: z.string(), Secret: z.string() });

export interface LoginSources {
  readonly registries: Policy["registries"];
  /** Folder with Docker's `config.json`. */
  readonly dockerConfigDir: string;
}

/** Null when nothing is known of the registry. Throws `ExecutorError` when what should be there cannot be read. */
export function registryLogins({
  registries,
  dockerConfigDir,
}: LoginSources): (registry: string) => Promise<Login | null> {
  return async (registry) => {
    const named = Object.hasOwn(registries, registry) ? registries[registry] : undefined;
    return named === undefined
      ? fromDocker(join(dockerConfigDir, "config.json"), registry)
      : fromPolicy(registry, named);
  };
}

async function fromPolicy(
  registry: string,
  { user, passwordFile }: { readonly user: string; readonly passwordFile: string },
): Promise<Login> {
  try {
    const [password = ""] = (await readFile(passwordFile, "utf8")).split(/\r?\n/);
    return { username: user, password, serveraddress: registry };
  } catch (error) {
    const problem = `The password of the registry ${registry} cannot be read on the runner: ${errorText(error)}`;
    throw new ExecutorError("image_pull", problem, { cause: error });
  }
}

async function fromDocker(path: string, registry: string): Promise<Login | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return null;
  }
  const server = registry === "docker.io" ? DOCKER_HUB : registry;
  try {
    const { auths, credHelpers, credsStore } = DockerConfig.parse(JSON.parse(text));
    const helper = credHelpers[server] ?? (Object.hasOwn(auths, server) ? credsStore : undefined);
    if (helper !== undefined) {
      const { Username: username, Secret: secret } = HelperAnswer.parse(JSON.parse(await askHelper(helper, server)));
      return username === "<token>"
        ? { identitytoken: secret, serveraddress: server }
        : { username, password: secret, serveraddress: server };
    }
    const { auth = "", identitytoken = "" } = auths[server] ?? auths[`https://${server}`] ?? {};
    if (identitytoken !== "") {
      return { identitytoken, serveraddress: server };
    }
    const [username = "", ...password] = Buffer.from(auth, "base64").toString().split(":");
    return username === "" ? null : { username, password: password.join(":"), serveraddress: server };
  } catch (error) {
    const problem = `Docker's credentials for the registry ${registry} cannot be read on the runner: ${errorText(error)}`;
    throw new ExecutorError("image_pull", problem, { cause: error });
  }
}

function askHelper(helper: string, server: string): Promise<string> {
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) {
    return Promise.reject(new Error(`${helper} is no name of a credential helper`));
  }
  return new Promise((resolve, reject) => {
    const child = execFile(`docker-credential-${helper}`, ["get"], { timeout: HELPER_WITHIN_MS }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(new Error(`docker-credential-${helper} failed`)),
    );
    child.stdin?.on("error", () => {
      // It ended without reading; its exit says why.
    });
    child.stdin?.end(server);
  });
}

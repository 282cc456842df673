/** Makes sure that this machine has an identity: the stored one, or a new one for a registration token. */
import { arch, cpus, hostname, platform, release, totalmem } from "node:os";
import { PROTOCOL_VERSION, type RunnerPlatform } from "@cronium/protocol";
import { ExitError } from "./base/exit-error.ts";
import type { Log } from "./base/log.ts";
import type { Config } from "./config.ts";
import {
  createCredential,
  readCredential,
  type Registration,
  type StoredCredential,
  writeCredential,
} from "./credential.ts";
import { programVersion } from "./program-files.ts";
import { register } from "./register.ts";

export interface Identity {
  readonly credential: StoredCredential;
  readonly registration: Registration;
}

/**
 * The stored registration wins, so that the same command may be run again and again; with a token and no registration,
 * or one that was revoked, this machine is registered, with a key of its own. Throws `ExitError`.
 */
export async function establishIdentity(config: Config, log: Log): Promise<Identity> {
  const found = readCredential(config.dataDir);
  const hasToken = config.token !== null || config.tokenFault !== null;
  const stored = found?.revoked === true && hasToken ? null : found;
  if (stored?.registration !== undefined) {
    const { registration } = stored;
    if (config.ephemeral && registration.ephemeral !== true) {
      throw new ExitError(
        "conflict",
        `${config.dataDir} belongs to the runner ${registration.name}, which stays registered.`,
        "Give the ephemeral runner a folder of its own with --data-dir, or use --once.",
      );
    }
    if (config.url !== null && !sameOrigin(config.url, registration.url)) {
      if (config.token !== null) {
        throw new ExitError(
          "conflict",
          `${config.dataDir} belongs to a runner of ${registration.url}, the token to ${config.url}.`,
          "Give this runner a folder of its own with --data-dir, or delete credential.json there.",
        );
      }
      return { credential: stored, registration: { ...registration, url: config.url } };
    }
    return { credential: stored, registration };
  }
  const { token, url } = config;
  if (token === null || url === null) {
    if (config.tokenFault !== null) {
      throw config.tokenFault;
    }
    throw new ExitError(
      "usage",
      "This machine is not registered yet, and no registration token was given.",
      "Copy the install command from the Runners page; it contains --token crnr_….",
    );
  }
  const credential = stored ?? createCredential(config.dataDir);
  const answer = await register(url, {
    token,
    name: config.name,
    publicKey: credential.publicKey,
    labels: { ...config.labels },
    version: programVersion(),
    protocol: PROTOCOL_VERSION,
    // The engine's version follows with the first hello.
    platform: describePlatform(null),
    replace: config.replace,
    // A control plane of the version before refuses what it does not know.
    ...(config.ephemeral ? { ephemeral: true } : {}),
  });
  const registration: Registration = {
    runnerId: answer.runnerId,
    workspaceId: answer.workspaceId,
    name: answer.name,
    url,
    ...(answer.ephemeral === true ? { ephemeral: true } : {}),
  };
  writeCredential(config.dataDir, { ...credential, registration });
  log.info("runner.registered", {
    runnerId: answer.runnerId,
    name: answer.name,
    url,
    ephemeral: answer.ephemeral === true,
  });
  return { credential, registration };
}

/** What the control plane shows of this machine; `docker` is the engine's version, null when it does not answer. */
export function describePlatform(docker: string | null): RunnerPlatform {
  return {
    os: `${platform()} ${release()}`.slice(0, 64),
    arch: arch().slice(0, 32),
    hostname: hostname().slice(0, 255),
    node: process.versions.node,
    docker: docker === null ? null : docker.slice(0, 64),
    cpus: Math.max(1, cpus().length),
    memoryMb: Math.max(1, Math.floor(totalmem() / 1_048_576)),
  };
}

function sameOrigin(a: string, b: string): boolean {
  return new URL(a).origin === new URL(b).origin;
}

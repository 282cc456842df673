/** `cronium-runner unregister`: takes this machine out of the control plane, with or without a running runner. */
import { createInterface } from "node:readline/promises";
import { systemClock } from "../base/clock.ts";
import { exitCodes, ExitError } from "../base/exit-error.ts";
import { silentLog } from "../base/log.ts";
import type { Config } from "../config.ts";
import { askRunner, NoRunner } from "../control/client.ts";
import { forgetCredential, readCredential, type Registration } from "../credential.ts";
import { openDataDir } from "../data-dir.ts";
import { sayFarewell } from "../farewell.ts";
import { show } from "./output.ts";

export interface UnregisterFlags {
  readonly json: boolean;
  readonly yes: boolean;
  /** Also with jobs, which are lost. */
  readonly force: boolean;
  /** Forget the registration here, whatever the control plane says. */
  readonly local: boolean;
}

export async function unregisterCommand({ dataDir }: Config, flags: UnregisterFlags): Promise<number> {
  const registration = readCredential(dataDir)?.registration;
  if (registration === undefined) {
    throw new ExitError("usage", `${dataDir} holds no registration.`, "Name the runner's folder with --data-dir.");
  }
  await confirm(registration, flags);
  if (flags.local) {
    const dir = openDataDir(dataDir);
    forgetCredential(dataDir);
    dir.release();
    show(flags.json, { name: registration.name, confirmed: false }, () =>
      [`${registration.name} is forgotten here.`, "Revoke it on the Runners page too."].join(" "),
    );
    return exitCodes.ok;
  }
  try {
    await askRunner(dataDir, { type: "unregister", force: flags.force });
  } catch (error) {
    if (!(error instanceof NoRunner)) {
      throw error;
    }
    await leaveAlone(dataDir);
  }
  show(flags.json, { name: registration.name, confirmed: true }, () => `${registration.name} is unregistered.`);
  return exitCodes.ok;
}

async function leaveAlone(dataDir: string): Promise<void> {
  const dir = openDataDir(dataDir);
  try {
    const credential = readCredential(dataDir);
    if (credential?.registration !== undefined) {
      await sayFarewell(credential, credential.registration, { clock: systemClock, log: silentLog() });
      forgetCredential(dataDir);
    }
  } finally {
    dir.release();
  }
}

async function confirm({ name, url }: Registration, flags: UnregisterFlags): Promise<void> {
  if (flags.yes) {
    return;
  }
  if (!process.stdin.isTTY) {
    throw new ExitError("usage", `This takes the runner ${name} out of ${url} for good.`, "Confirm it with --yes.");
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question(`Take the runner ${name} out of ${url} for good? Type its name: `);
  ask.close();
  if (answer.trim() !== name) {
    throw new ExitError("usage", "Nothing was changed.", `Its name is ${name}.`);
  }
}

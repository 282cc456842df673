/** Takes a runner out of the control plane from a process that runs no jobs: connect, say `bye` for good, be confirmed. */
import { randomBytes } from "node:crypto";
import { HOME_SHARD, OPERATING_SINCE, PROTOCOL_VERSION } from "@cronium/protocol";
import { type Clock, settledWithin } from "./base/clock.ts";
import { exitCodes, ExitError } from "./base/exit-error.ts";
import type { Log } from "./base/log.ts";
import { Connection } from "./connection.ts";
import { type Registration, signConnect, type StoredCredential } from "./credential.ts";
import { describePlatform } from "./identity.ts";
import { programVersion } from "./program-files.ts";

const WITHIN_MS = 30_000;

/** Resolves when its key is refused, which it also is when somebody was faster. Throws `ExitError`. */
export async function sayFarewell(
  credential: StoredCredential,
  { runnerId, url, name }: Registration,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<void> {
  const out = Promise.withResolvers<void>();
  const epoch = randomBytes(16).toString("hex");
  let tooOld = false;
  const connection = new Connection({
    url,
    runnerId,
    shard: HOME_SHARD,
    clock,
    log,
    random: Math.random,
    handlers: {
      hello: (nonce, protocol) => {
        tooOld = protocol < OPERATING_SINCE;
        return {
          type: "hello",
          protocol: PROTOCOL_VERSION,
          runnerId,
          epoch,
          signature: signConnect(credential, nonce, runnerId, epoch),
          version: programVersion(),
          platform: describePlatform(null),
          slots: 1,
          // No offers meanwhile.
          notReady: ["docker_down"],
          held: [],
        };
      },
      welcomed: () => {
        if (tooOld) {
          const next = "Revoke the runner on the Runners page, then give --local.";
          out.reject(new ExitError("upgrade", `The control plane at ${url} is too old for this.`, next));
        } else {
          connection.send({ type: "bye", leave: true });
        }
      },
      message: () => {},
      pong: () => {},
      closed: () => {},
      fatal: (error) => (error.code === exitCodes.revoked ? out.resolve() : out.reject(error)),
    },
  });
  out.promise.catch(() => {});
  connection.start();
  const settled = await settledWithin(clock, out.promise, WITHIN_MS);
  await connection.stop();
  if (!settled) {
    const next = "Try again when it answers; or revoke the runner on the Runners page, and give --local.";
    throw new ExitError("network", `The control plane at ${url} has not confirmed that ${name} is out.`, next);
  }
  await out.promise;
}

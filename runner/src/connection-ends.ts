/** Answers of the control plane after which trying again cannot help, as the errors that the program ends with. */
import { closeCodes, PROTOCOL_VERSION } from "@cronium/protocol";
import { ExitError } from "./base/exit-error.ts";

/** Of a connection that was closed; null where trying again may help. */
export function fatalClose(code: number, reason: string): ExitError | null {
  switch (code) {
    case closeCodes.unauthenticated:
    case closeCodes.revoked:
      return revoked(reason);
    case closeCodes.replaced:
      return new ExitError(
        "conflict",
        "A newer process with this runner's key has taken over.",
        "Nothing to do if you started it; otherwise revoke this runner on the Runners page: its key was copied.",
      );
    case closeCodes.upgradeRequired:
      return tooFarApart(reason);
    default:
      return null;
  }
}

export function revoked(detail: string): ExitError {
  return new ExitError(
    "revoked",
    `The control plane no longer accepts this runner${detail === "" ? "." : `: ${detail}`}`,
    "Register this machine again with a new token from the Runners page.",
  );
}

export function tooFarApart(detail: string): ExitError {
  return new ExitError(
    "upgrade",
    `Runner and control plane are too far apart${detail === "" ? "." : `: ${detail}`}`,
    `This runner speaks protocol ${PROTOCOL_VERSION}. Upgrade the older side.`,
  );
}

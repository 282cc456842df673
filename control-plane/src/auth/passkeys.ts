/** Passkeys after WebAuthn level 3, by @simplewebauthn/server. No SQL: what was agreed before is handed in. */
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
} from "@simplewebauthn/server";
import type { PasskeyAssertion, PasskeyAttestation } from "@cronium/protocol";

/** Where passkeys of this installation work, and nowhere else. */
export interface RelyingParty {
  /** Such as `https://cronium.example`. */
  readonly origin: string;
  /** Its host name. */
  readonly id: string;
}

export interface StoredPasskey {
  /** Of the credential, base64url. */
  readonly id: string;
  /** COSE, base64url. */
  readonly publicKey: string;
  /** Grows with each use, or stays 0 where the authenticator does not count. */
  readonly counter: number;
  readonly transports: readonly string[];
}

/** Why a passkey was refused: for the audit and the log alone. */
export class PasskeyError extends Error {}

const TIMEOUT_MS = 5 * 60_000;

export function relyingParty(origin: string): RelyingParty {
  return { origin, id: new URL(origin).hostname };
}

/** For the browser to make a passkey with, which then knows by itself whose it is. */
export function creationOptions(
  party: RelyingParty,
  user: { readonly id: string; readonly name: string; readonly email: string },
  known: readonly StoredPasskey[],
) {
  return generateRegistrationOptions({
    rpName: "Cronium",
    rpID: party.id,
    userID: new Uint8Array(Buffer.from(user.id)),
    userName: user.email,
    userDisplayName: user.name,
    attestationType: "none",
    timeout: TIMEOUT_MS,
    excludeCredentials: known.map(({ id }) => ({ id })),
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  });
}

/** For the browser to sign in with any passkey of this installation. */
export function requestOptions(party: RelyingParty) {
  return generateAuthenticationOptions({ rpID: party.id, userVerification: "required", timeout: TIMEOUT_MS });
}

/** The challenge that an answer says it is for; null when it cannot be read. */
export function challengeIn(clientDataJson: string): string | null {
  try {
    const data = JSON.parse(Buffer.from(clientDataJson, "base64url").toString()) as { readonly challenge?: unknown };
    return typeof data.challenge === "string" ? data.challenge : null;
  } catch {
    return null;
  }
}

/** Rejects with `PasskeyError`. */
export async function verifyCreation(
  party: RelyingParty,
  challenge: string,
  response: PasskeyAttestation,
): Promise<StoredPasskey> {
  try {
    const verified = await verifyRegistrationResponse({
      response: { ...response, clientExtensionResults: {} } as RegistrationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      requireUserVerification: true,
    });
    if (!verified.verified) {
      throw new PasskeyError("its attestation does not hold");
    }
    const { id, publicKey, counter } = verified.registrationInfo.credential;
    const transports = response.response.transports ?? [];
    return { id, publicKey: Buffer.from(publicKey).toString("base64url"), counter, transports };
  } catch (cause) {
    throw asPasskeyError(cause);
  }
}

/** Answers the new counter. Rejects with `PasskeyError`. */
export async function verifyUse(
  party: RelyingParty,
  challenge: string,
  response: PasskeyAssertion,
  passkey: StoredPasskey,
): Promise<number> {
  try {
    const verified = await verifyAuthenticationResponse({
      response: { ...response, clientExtensionResults: {} } as AuthenticationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      requireUserVerification: true,
      credential: {
        id: passkey.id,
        publicKey: new Uint8Array(Buffer.from(passkey.publicKey, "base64url")),
        counter: passkey.counter,
      },
    });
    if (!verified.verified) {
      throw new PasskeyError("its signature does not hold");
    }
    return verified.authenticationInfo.newCounter;
  } catch (cause) {
    throw asPasskeyError(cause);
  }
}

function asPasskeyError(cause: unknown): PasskeyError {
  if (cause instanceof PasskeyError) {
    return cause;
  }
  return new PasskeyError(cause instanceof Error ? cause.message.slice(0, 200) : "it cannot be read", { cause });
}

/** The browser's side of passkeys. What the server sends and takes is WebAuthn's own JSON, base64url inside. */
import type { PasskeyAssertion, PasskeyAttestation, PasskeyOptions } from "@cronium/protocol/api/passkeys";
import { t } from "./text.ts";

/** Browsers allow passkeys on secure pages of a named host, and on localhost. */
export function hasPasskeys(): boolean {
  return (
    isSecureContext &&
    typeof PublicKeyCredential === "function" &&
    "parseCreationOptionsFromJSON" in PublicKeyCredential &&
    !/^[\d.]+$|^\[/.test(location.hostname)
  );
}

/** Rejects with a sentence for the person when nothing came of it. */
export async function makePasskey(options: PasskeyOptions): Promise<PasskeyAttestation> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
    options as unknown as PublicKeyCredentialCreationOptionsJSON,
  );
  const made = await ask(() => navigator.credentials.create({ publicKey }));
  const { response } = made;
  if (!(response instanceof AuthenticatorAttestationResponse)) {
    throw new Error(t("passkey.cancelled"));
  }
  return {
    ...named(made),
    response: {
      clientDataJSON: base64url(response.clientDataJSON),
      attestationObject: base64url(response.attestationObject),
      transports: response.getTransports(),
    },
  };
}

/** As `makePasskey`. */
export async function askForPasskey(options: PasskeyOptions): Promise<PasskeyAssertion> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
    options as unknown as PublicKeyCredentialRequestOptionsJSON,
  );
  const used = await ask(() => navigator.credentials.get({ publicKey }));
  const { response } = used;
  if (!(response instanceof AuthenticatorAssertionResponse)) {
    throw new Error(t("passkey.cancelled"));
  }
  return {
    ...named(used),
    response: {
      clientDataJSON: base64url(response.clientDataJSON),
      authenticatorData: base64url(response.authenticatorData),
      signature: base64url(response.signature),
      ...(response.userHandle === null ? {} : { userHandle: base64url(response.userHandle) }),
    },
  };
}

async function ask(how: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let credential: Credential | null;
  try {
    credential = await how();
  } catch (cause) {
    // Browsers do not say whether the person turned back or has no passkey: both are NotAllowedError.
    const isKnown = cause instanceof DOMException && cause.name === "InvalidStateError";
    throw new Error(isKnown ? t("passkey.known") : t("passkey.cancelled"), { cause });
  }
  if (!(credential instanceof PublicKeyCredential)) {
    throw new Error(t("passkey.cancelled"));
  }
  return credential;
}

function named({ id, rawId }: PublicKeyCredential) {
  return { id, rawId: base64url(rawId), type: "public-key" } as const;
}

function base64url(buffer: ArrayBuffer): string {
  let binary = "";
  for (const byte of new Uint8Array(buffer)) {
    binary += String.fromCharCode(byte);
  }
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

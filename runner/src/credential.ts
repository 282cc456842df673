/**
 * Who this runner is: an Ed25519 key made on this machine, and the id the control plane gave it. `credential.json` in
 * the data folder, 0600. The key is written before it is used, so that a crash while registering is repeated with the
 * same key and leaves one runner, not two.
 */
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { connectMessage, PublicKey, RunnerId, sealingKeyMessage } from "@cronium/protocol";
import { ExitError } from "./base/exit-error.ts";

const StoredCredential = z.strictObject({
  /** PKCS#8 in PEM. */
  privateKey: z.string().startsWith("-----BEGIN PRIVATE KEY-----"),
  publicKey: PublicKey,
  /** Absent until the runner is registered. */
  registration: z
    .strictObject({
      runnerId: RunnerId,
      workspaceId: z.string(),
      name: z.string(),
      url: z.url(),
      /** It takes one job and then leaves for good. */
      ephemeral: z.literal(true).optional(),
    })
    .optional(),
  /** The control plane has said that it no longer accepts this runner: the next token makes a new one of this machine. */
  revoked: z.literal(true).optional(),
});
export type StoredCredential = z.infer<typeof StoredCredential>;
export type Registration = NonNullable<StoredCredential["registration"]>;

/** The stored credential; null when there is none yet. Throws `ExitError` when the file is broken. */
export function readCredential(dataDir: string): StoredCredential | null {
  const path = credentialPath(dataDir);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return null;
    }
    throw broken(path, error);
  }
  try {
    return StoredCredential.parse(JSON.parse(text));
  } catch (error) {
    throw broken(path, error);
  }
}

/** Makes a key and stores it. */
export function createCredential(dataDir: string): StoredCredential {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const credential: StoredCredential = {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: publicKey.export({ format: "jwk" }).x ?? "",
  };
  writeCredential(dataDir, credential);
  return credential;
}

export function writeCredential(dataDir: string, credential: StoredCredential): void {
  const path = credentialPath(dataDir);
  const file = openSync(`${path}.new`, "w", 0o600);
  try {
    writeSync(file, `${JSON.stringify(credential, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}

/** Remembers that a new token is needed, and will do. */
export function markRevoked(dataDir: string): void {
  const credential = readCredential(dataDir);
  if (credential !== null && credential.revoked !== true) {
    writeCredential(dataDir, { ...credential, revoked: true });
  }
}

/** The registration is over: the next start on this folder needs a token. */
export function forgetCredential(dataDir: string): void {
  rmSync(credentialPath(dataDir), { force: true });
}

/** Signs the nonce of one connection. */
export function signConnect(credential: StoredCredential, nonce: string, runnerId: string, epoch: string): string {
  return signText(credential, connectMessage(nonce, runnerId, epoch));
}

/** Says for one connection that secrets may be sealed to this key. */
export function signSealingKey(
  credential: StoredCredential,
  nonce: string,
  runnerId: string,
  publicKey: string,
): string {
  return signText(credential, sealingKeyMessage(nonce, runnerId, publicKey));
}

function signText(credential: StoredCredential, text: string): string {
  return sign(null, Buffer.from(text), createPrivateKey(credential.privateKey)).toString("base64url");
}

function credentialPath(dataDir: string): string {
  return join(dataDir, "credential.json");
}

function broken(path: string, cause: unknown): ExitError {
  return new ExitError(
    "usage",
    `The stored credential ${path} cannot be read.`,
    "Restore it, or delete it and register this machine again with a new token.",
    { cause },
  );
}

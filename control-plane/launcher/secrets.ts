/** Keys of this installation, made at the first start and handed to the Worker through its environment alone. */
import { createHash, randomBytes } from "node:crypto";
import * as z from "zod";
import { readJson, writePrivateJson } from "./private-file.ts";

const secret = z.string().min(32);
const Secrets = z.looseObject({
  AUTH_SECRET: secret,
  LOG_TOKEN_KEY: secret,
  LAUNCHER_KEY: secret,
  /** Master key of the secrets of workspaces. Missing in a folder of an earlier version, which held none. */
  SECRETS_KEY: secret.optional(),
  /** Earlier ones, apart by commas, until nothing needs them. */
  SECRETS_OLD_KEYS: z.string().default(""),
  /** Bearer token of the mail service, or password of the mail server (MAIL_URL), written here by hand. */
  MAIL_TOKEN: z.string().default(""),
  /** Of identity providers, written here by hand too. */
  OIDC_CLIENT_SECRET: z.string().default(""),
  GITHUB_CLIENT_SECRET: z.string().default(""),
});

export const secretNames = [
  "AUTH_SECRET",
  "LOG_TOKEN_KEY",
  "LAUNCHER_KEY",
  "SECRETS_KEY",
  "SECRETS_OLD_KEYS",
  "MAIL_TOKEN",
  "OIDC_CLIENT_SECRET",
  "GITHUB_CLIENT_SECRET",
] as const;
export type Secrets = Readonly<Record<(typeof secretNames)[number], string>>;

const newKey = (): string => randomBytes(32).toString("base64url");

/**
 * Reads `secrets.json`, or makes it. Losing it signs everybody out, and no secret of a workspace can be read any more:
 * it belongs into a backup of its own.
 */
export function readOrMakeSecrets(path: string): Secrets {
  const existing = readJson(path, Secrets);
  if (existing?.SECRETS_KEY !== undefined) {
    return { ...existing, SECRETS_KEY: existing.SECRETS_KEY };
  }
  const made = {
    AUTH_SECRET: newKey(),
    LOG_TOKEN_KEY: newKey(),
    LAUNCHER_KEY: newKey(),
    SECRETS_OLD_KEYS: "",
    MAIL_TOKEN: "",
    OIDC_CLIENT_SECRET: "",
    GITHUB_CLIENT_SECRET: "",
    ...existing,
    SECRETS_KEY: newKey(),
  };
  writePrivateJson(path, made);
  return made;
}

/** Makes a new master key; the one before is kept for what it encrypted. Takes effect at the next start. */
export function rotateKey(path: string): void {
  const { SECRETS_KEY, SECRETS_OLD_KEYS, ...others } = readOrMakeSecrets(path);
  const old = [SECRETS_KEY, ...SECRETS_OLD_KEYS.split(",")].filter((key) => key !== "").join(",");
  writePrivateJson(path, { ...others, SECRETS_KEY: newKey(), SECRETS_OLD_KEYS: old });
}

/** Forgets every master key but the newest. */
export function forgetOldKeys(path: string): void {
  writePrivateJson(path, { ...readOrMakeSecrets(path), SECRETS_OLD_KEYS: "" });
}

/** As the Worker derives it (`auth/master-keys.ts`). */
export function masterKeyId(key: string): string {
  const bytes = Buffer.from(key, "base64");
  return createHash("sha256").update("cronium-master-key\n").update(bytes).digest("hex").slice(0, 12);
}

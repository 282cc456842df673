/** Keys of this installation, made at the first start and handed to the Worker through its environment alone. */
import { randomBytes } from "node:crypto";
import * as z from "zod";
import { readJson, writePrivateJson } from "./private-file.ts";

const secret = z.string().min(32);
const Secrets = z.looseObject({ AUTH_SECRET: secret, LOG_TOKEN_KEY: secret, LAUNCHER_KEY: secret });

export const secretNames = ["AUTH_SECRET", "LOG_TOKEN_KEY", "LAUNCHER_KEY"] as const;
export type Secrets = Readonly<Record<(typeof secretNames)[number], string>>;

/** Reads `secrets.json`, or makes it. Losing it signs everybody out; nothing else depends on it yet. */
export function readOrMakeSecrets(path: string): Secrets {
  const existing = readJson(path, Secrets);
  if (existing !== null) {
    return existing;
  }
  const made = {
    AUTH_SECRET: randomBytes(32).toString("base64url"),
    LOG_TOKEN_KEY: randomBytes(32).toString("base64url"),
    LAUNCHER_KEY: randomBytes(32).toString("base64url"),
  };
  writePrivateJson(path, made);
  return made;
}

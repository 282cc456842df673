import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type * as z from "zod";
import { LauncherError } from "./launcher-error.ts";

/** Writes JSON that only this user may read (0600), whole or not at all. */
export function writePrivateJson(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}

/** Null when the file does not exist. Throws when it holds something else than the schema says. */
export function readJson<T extends z.ZodType>(path: string, schema: T): z.infer<T> | null {
  if (!existsSync(path)) {
    return null;
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new LauncherError(`${path} is not valid JSON. Restore it from a backup, or move it away.`, {
      cause,
    });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw new LauncherError(`${path} does not hold what belongs there. Restore it from a backup.`, {
      cause: parsed.error,
    });
  }
  return parsed.data;
}

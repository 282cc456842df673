/** The installation that runs from this folder: `npm start` leaves its address and a key in `.data/local.json`. */
import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as z from "zod";

const Local = z.object({ url: z.url(), apiKey: z.string(), workspaceId: z.string() });

export interface LocalInstallation {
  readonly file: string;
  readonly url: string;
  readonly apiKey: string;
}

/**
 * Looks in `folder` and those above it. A file that another user could have put there, or that points to another
 * machine, is not believed. Null when there is none.
 */
export function findLocalInstallation(folder: string): LocalInstallation | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const file = join(at, ".data", "local.json");
    const found = read(file);
    if (found !== null) {
      return { file, ...found };
    }
    if (dirname(at) === at) {
      return null;
    }
  }
}

function read(file: string): { readonly url: string; readonly apiKey: string } | null {
  try {
    const { uid, mode } = statSync(file);
    if (process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o077) !== 0)) {
      return null;
    }
    const parsed = Local.safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (!parsed.success || !["127.0.0.1", "localhost", "[::1]"].includes(new URL(parsed.data.url).hostname)) {
      return null;
    }
    return { url: parsed.data.url.replace(/\/+$/, ""), apiKey: parsed.data.apiKey };
  } catch {
    return null;
  }
}

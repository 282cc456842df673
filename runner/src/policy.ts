/**
 * The local policy file: what this machine allows, whatever the control plane asks for. Only someone with access to
 * this machine can change it. Everything is denied that it does not name.
 *
 *     workspaces: [ws_…]           # workspaces whose jobs may run here; all when left out
 *     mounts:
 *       backups: {path: /srv/backups, mode: rw}
 *       reports: {path: /srv/reports}          # read-only, the default
 */
import { readFileSync, realpathSync } from "node:fs";
import { basename, isAbsolute, resolve, sep } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import type { Job } from "@cronium/protocol";
import { ExitError } from "./base/exit-error.ts";
import { errorText } from "./base/log.ts";
import type { HostMount } from "./executors/types.ts";

const MountRule = z.strictObject({
  path: z
    .string()
    .refine(isAbsolute, "must be an absolute path")
    .refine((path) => !handsOverTheHost(path), "would hand the whole machine to a job"),
  mode: z.enum(["ro", "rw"]).default("ro"),
});

const PolicyFile = z.strictObject({
  workspaces: z.array(z.string()).optional(),
  mounts: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and hyphens"), MountRule)
    .default({}),
});

export interface Policy {
  /** The file it came from; null when nothing is configured and everything is denied. */
  readonly path: string | null;
  readonly mounts: Readonly<Record<string, z.infer<typeof MountRule>>>;
  readonly workspaces: readonly string[] | null;
}

export const emptyPolicy: Policy = { path: null, mounts: {}, workspaces: null };

/**
 * Reads the first of `candidates` that exists.
 *
 * Throws `ExitError` when a file is broken, or when `required` is set and none exists.
 */
export function loadPolicy(candidates: readonly string[], required: boolean): Policy {
  for (const path of candidates) {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT" && !required) {
        continue;
      }
      throw new ExitError("usage", `The policy file ${path} cannot be read: ${errorText(error)}`, "Check --policy.", {
        cause: error,
      });
    }
    return parsePolicy(path, text);
  }
  return emptyPolicy;
}

function parsePolicy(path: string, text: string): Policy {
  try {
    const file = PolicyFile.parse(parse(text) ?? {});
    return { path, mounts: file.mounts, workspaces: file.workspaces ?? null };
  } catch (error) {
    const detail = error instanceof z.ZodError ? z.prettifyError(error).replaceAll("\n", " ") : errorText(error);
    throw new ExitError("usage", `The policy file ${path} is not valid: ${detail}`, "Correct it and start again.", {
      cause: error,
    });
  }
}

export type PolicyVerdict =
  | { readonly ok: true; readonly mounts: readonly HostMount[] }
  | { readonly ok: false; readonly message: string };

/** Whether this machine lets the job run, and the folders it gets. */
export function applyPolicy(policy: Policy, job: Job): PolicyVerdict {
  const file = policy.path ?? "the runner's policy file (there is none)";
  if (policy.workspaces !== null && !policy.workspaces.includes(job.workspaceId)) {
    return { ok: false, message: `Workspace ${job.workspaceId} is not allowed by ${file}.` };
  }
  const mounts: HostMount[] = [];
  for (const { name, target } of job.definition.mounts) {
    const rule = Object.hasOwn(policy.mounts, name) ? policy.mounts[name] : undefined;
    if (rule === undefined) {
      return { ok: false, message: `The mount "${name}" is not named in ${file}.` };
    }
    let source: string;
    try {
      source = realpathSync(rule.path);
    } catch {
      return { ok: false, message: `The mount "${name}" points to ${rule.path}, which does not exist on the runner.` };
    }
    if (handsOverTheHost(source)) {
      return { ok: false, message: `The mount "${name}" leads to ${source}, which would hand over the whole machine.` };
    }
    mounts.push({ source, target, readOnly: rule.mode === "ro" });
  }
  return { ok: true, mounts };
}

const HOST_TREES = ["/proc", "/sys", "/dev"];
const HOST_FOLDERS = ["/", "/run", "/var", "/var/run", "/var/lib", "/var/lib/docker"];

/** Whether a folder holds the Docker socket, the kernel's interfaces, or everything. */
function handsOverTheHost(path: string): boolean {
  const clean = resolve(path);
  return (
    HOST_FOLDERS.includes(clean) ||
    HOST_TREES.some((folder) => clean === folder || clean.startsWith(`${folder}${sep}`)) ||
    basename(clean) === "docker.sock"
  );
}

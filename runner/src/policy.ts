/**
 * The local policy file: what this machine allows, whatever the control plane asks for. Only someone with access to
 * this machine can change it. Everything is denied that it does not name.
 *
 *     workspaces: [ws_…]           # workspaces whose jobs may run here; all when left out
 *     mounts:
 *       backups: {path: /srv/backups, mode: rw}
 *       reports: {path: /srv/reports}          # read-only, the default
 *     images: ["ghcr.io/team/*"]               # images of users; none when left out, only the built-in ones
 *     registries:                              # credentials of their registries
 *       ghcr.io: {user: ci, passwordFile: /etc/cronium/ghcr}
 *     pullStuckSeconds: 60                     # a registry that sends nothing for this long is given up; the default
 *     packages:                                # where scripts' packages come from; none when left out
 *       python: https://pypi.org/simple
 *       node: https://registry.npmjs.org
 *       keep: 20                               # sets of packages that stay on this machine; the default
 *     networks: [none, allowlist]              # what events may ask for; this when left out
 *     hosts: ["*.example.com"]                 # hosts that any job may reach through the proxy; all when left out
 *     privateRanges: [10.1.0.0/16]             # private addresses that they may reach; none when left out
 *     bridgeRange: 10.213.0.0/16               # where networks of the mode bridge are cut from; this when left out
 *     warm: 4                                  # containers that may wait for jobs, whatever --warm says; no limit here
 *     process: {allow: true, user: cronium}    # scripts without a container, as that account; refused when left out
 */
import { readFileSync, realpathSync } from "node:fs";
import { basename, isAbsolute, resolve, sep } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { containerOf, HostRule, type Job, networkModes } from "@cronium/protocol";
import { ExitError } from "./base/exit-error.ts";
import { errorText } from "./base/log.ts";
import { findAccount } from "./executors/process/account.ts";
import type { HostMount } from "./executors/types.ts";
import { isImageAllowed } from "./image-policy.ts";
import { isRange } from "./network-ranges.ts";
import { packagesOf } from "./packages.ts";

const MountRule = z.strictObject({
  path: z
    .string()
    .refine(isAbsolute, "must be an absolute path")
    .refine((path) => !handsOverTheHost(path), "would hand the whole machine to a job"),
  mode: z.enum(["ro", "rw"]).default("ro"),
});

const RegistryLogin = z.strictObject({
  user: z.string().min(1),
  /** Readable by the runner alone; its first line is the password or token. */
  passwordFile: z.string().refine(isAbsolute, "must be an absolute path"),
});

const Range = z.string().refine(isRange, "must be a range such as 10.1.0.0/16");

const IndexAddress = z
  .url({ protocol: /^https?$/, error: "must be an address that begins with https://" })
  .refine((url) => url.startsWith("https:") || isOwnMachine(url), "must be an address that begins with https://");

const PackageRule = z.strictObject({
  python: IndexAddress.optional(),
  node: IndexAddress.optional(),
  keep: z.int().min(1).max(1_000).default(20),
});

const PolicyFile = z.strictObject({
  workspaces: z.array(z.string()).optional(),
  mounts: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and hyphens"), MountRule)
    .default({}),
  images: z.array(z.string().regex(/^[A-Za-z0-9._:/@*-]+$/, "must be an image, with * for any part")).default([]),
  registries: z.record(z.string().min(1), RegistryLogin).default({}),
  pullStuckSeconds: z.int().min(1).max(3_600).default(60),
  packages: PackageRule.default({ keep: 20 }),
  networks: z.array(z.enum(networkModes)).default(["none", "allowlist"]),
  hosts: z.array(HostRule).nullable().default(null),
  privateRanges: z.array(Range).default([]),
  bridgeRange: Range.refine((range) => /^[0-9.]+\/(?:[89]|1[0-9]|2[0-9])$/.test(range), {
    message: "must be a range of IPv4 from /8 to /29",
  }).default("10.213.0.0/16"),
  warm: z.int().min(0).max(1_000).nullable().default(null),
  process: z
    .strictObject({ allow: z.boolean(), user: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must name an account") })
    .nullable()
    .default(null),
});

export interface Policy {
  /** The file it came from; null when nothing is configured and everything is denied. */
  readonly path: string | null;
  readonly mounts: Readonly<Record<string, z.infer<typeof MountRule>>>;
  readonly workspaces: readonly string[] | null;
  /** Patterns of images that events may name. */
  readonly images: readonly string[];
  /** By the registry's host and port. */
  readonly registries: Readonly<Record<string, z.infer<typeof RegistryLogin>>>;
  /** A registry that sends nothing for this long is given up. */
  readonly pullStuckSeconds: number;
  /** Where packages of scripts come from; a runtime without an address has none. */
  readonly packages: z.infer<typeof PackageRule>;
  readonly networks: readonly (typeof networkModes)[number][];
  /** Beside the event's own; null: whatever an event names. */
  readonly hosts: readonly string[] | null;
  /** Ranges of private addresses that jobs may reach. */
  readonly privateRanges: readonly string[];
  readonly bridgeRange: string;
  /** Most containers that wait for jobs here; null: as the runner's flag says. */
  readonly warm: number | null;
  /** Whether scripts may run without a container, and as which account; null for no. */
  readonly process: { readonly allow: boolean; readonly user: string } | null;
}

export const emptyPolicy: Policy = { ...readPolicy({}), path: null };

function readPolicy(file: unknown): Omit<Policy, "path"> {
  const { workspaces = null, ...rest } = PolicyFile.parse(file);
  return { ...rest, workspaces };
}

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
    return { ...readPolicy(parse(text) ?? {}), path };
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
  const refusal = refuseContainer(policy, job, file);
  if (refusal !== null) {
    return { ok: false, message: refusal };
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

function refuseProcess(policy: Policy, job: Job, file: string): string | null {
  if (policy.process?.allow !== true) {
    return `Running without a container (executor: process) is not allowed by ${file}. Who owns the machine may allow it there: process: {allow: true, user: ACCOUNT}.`;
  }
  if (job.definition.mounts.length > 0 || containerOf(job.definition).image !== null) {
    return "Mounts and images need a container, and this event asks to run without one (executor: process).";
  }
  const account = findAccount(policy.process.user);
  return typeof account === "string" ? `${file} names an account that scripts cannot run as: ${account}` : null;
}

/** What its container asks for beyond the policy, as a sentence; null when nothing. */
function refuseContainer(policy: Policy, job: Job, file: string): string | null {
  const { image, network, executor } = containerOf(job.definition);
  if (executor === "process") {
    return refuseProcess(policy, job, file);
  }
  if (image !== null && !isImageAllowed(policy.images, image)) {
    return `The image ${image} is not allowed by ${file}. List it there under images, or a pattern such as ${image.replace(/[^/]*$/, "*")}.`;
  }
  if (!policy.networks.includes(network.mode)) {
    return `The network mode ${network.mode} is not allowed by ${file}. Allowed are: ${policy.networks.join(", ")}.`;
  }
  return refusePackages(policy, job, file);
}

function refusePackages(policy: Policy, job: Job, file: string): string | null {
  const { definition } = job;
  const packages = packagesOf(definition);
  if (!packages.ok) {
    return packages.message;
  }
  if (packages.names.length > 0 && containerOf(definition).executor === "process") {
    return `The job asks for packages (${packages.names.join(", ")}), which are put into containers only; it runs without one.`;
  }
  if (
    packages.names.length === 0 ||
    definition.runtime === "bash" ||
    policy.packages[definition.runtime] !== undefined
  ) {
    return null;
  }
  const example = definition.runtime === "python" ? "https://pypi.org/simple" : "https://registry.npmjs.org";
  return `The job asks for packages (${packages.names.join(", ")}), and ${file} names no index for them. Add there packages: {${definition.runtime}: "${example}"}.`;
}

function isOwnMachine(url: string): boolean {
  return ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);
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

/**
 * The container of a job: its image, its limits, what it may reach, and how it is kept.
 *
 * An event stores what was given and nothing else, and a runner fills in the rest with `containerOf`. What is left out
 * stays out on the wire, so an event without settings of its own goes to runners of every version; one with settings
 * goes only to runners that speak `CONTAINER_SINCE` or later (`version.ts`).
 */
import * as z from "zod";
import { readAllowedHost } from "./allowed-host.ts";
import { pullPolicies } from "./container-defaults.ts";
import { isImageReference } from "./image-reference.ts";

/** `repository`, `repository:tag` or `repository@sha256:digest`, as the Docker Engine reads them; at most 255 characters. */
export const ImageReference = z
  .string()
  .refine(isImageReference, {
    message: "must be an image such as repository:tag or repository@sha256: with 64 hexadecimal digits",
  })
  .meta({ code: "invalid_image" });

/** `example.com`, `*.example.com`, an address, each with `:port` or without (then 80 and 443). */
export const HostRule = z
  .string()
  .refine((rule) => readAllowedHost(rule) !== null, {
    message: "must be a host such as api.example.com, *.example.com or 192.0.2.7, with :port or without",
  })
  .meta({ code: "invalid_value" });

export const ContainerNetwork = z.discriminatedUnion(
  "mode",
  [
    /** Loopback alone. */
    z.strictObject({ mode: z.literal("none") }),
    /** No network either, but a proxy of the runner that lets the job reach these hosts; 1 to 100 of them. */
    z.strictObject({
      mode: z.literal("allowlist"),
      hosts: z.array(HostRule).min(1, "must name a host").max(100, "must hold at most 100 hosts"),
    }),
    /** A network of its own with a way out. */
    z.strictObject({ mode: z.literal("bridge") }),
  ],
  { error: "must be an object with the mode none, allowlist (with hosts) or bridge" },
);
export type ContainerNetwork = z.infer<typeof ContainerNetwork>;

const PACKAGE = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*(?:@[A-Za-z0-9^~<>=.*|+ -]{1,100})?$/;

const fields = {
  /** The user's own image; null: the built-in one of the runtime. */
  image: ImageReference.nullable(),
  /** When the image is fetched: if it is not on the runner, before every run, or not at all. */
  pull: z.enum(pullPolicies),
  /** Processors, 0.1 to 64; no more than the machine has. */
  cpus: z.number().min(0.1).max(64),
  /** Processes and threads at the same time, 16 to 32,768. */
  pids: z.int().min(16).max(32_768),
  /** Files that one process may hold open, 64 to 1,048,576. */
  files: z.int().min(64).max(1_048_576),
  /** Size of `/tmp`, 1 to 65,536 MiB of the job's memory; null: half of its memory. */
  tmpMb: z.int().min(1).max(65_536).nullable(),
  /** Puts `/workspace` on disk with this size, 16 to 1,048,576 MiB; null: in memory. */
  diskMb: z.int().min(16).max(1_048_576).nullable(),
  network: ContainerNetwork,
  /** A fresh interpreter in a container that is started already. */
  isolated: z.boolean(),
  /** The container may serve later runs of the same event too. */
  reuse: z.boolean(),
  /** `none`: Docker keeps no copy of the output, which is faster, and what is printed while the runner is away is lost. */
  log: z.enum(["kept", "none"]),
  /** Bytes of output that are kept of one run, 1 to 4,096 MiB. */
  logCapMb: z.int().min(1).max(4_096),
  /** What happens beyond them. */
  logOverflow: z.enum(["drop", "kill"]),
  /** How long the container of a failed run stays on the runner for a look at it: 0 to 86,400,000 ms. */
  keepFailedMs: z.int().min(0).max(86_400_000),
  /** Packages of npm as `name` or `name@range`; at most 100. Python names its own in the script (PEP 723). */
  packages: z
    .array(z.string().max(320).regex(PACKAGE, "must be a package of npm such as zod or zod@^4"))
    .max(100, "must hold at most 100 packages"),
  /** `process`: directly on the runner's machine, where its local policy allows that. */
  executor: z.enum(["container", "process"]),
  /** Disk reads and writes in MiB/s, 1 to 100,000; null: as fast as it goes. */
  diskReadMbps: z.int().min(1).max(100_000).nullable(),
  diskWriteMbps: z.int().min(1).max(100_000).nullable(),
  /** What the job may send through the proxy, in kbit/s, 8 to 10,000,000; null: as fast as it goes. */
  egressKbps: z.int().min(8).max(10_000_000).nullable(),
};

/** All settings; the default of each is in `container-defaults.ts`. */
export const Container = z.strictObject(fields);
export type Container = z.infer<typeof Container>;

/** As an event holds it: what was given. Empty is the same as none. */
export const ContainerSettings = Container.partial();
export type ContainerSettings = z.infer<typeof ContainerSettings>;

/** What the flags say of an event's container, as the API takes it; what no flag names is left as it is. */
import type { ContainerSettings } from "@cronium/protocol/container";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";

/** `--memory` and `--memory-mb`, in MiB. */
export function memoryOf(input: Input): number | undefined {
  const plain = input.number("memory-mb", 16, 65_536);
  const size = sizeMb(input, "memory");
  if (plain !== undefined && size !== undefined) {
    throw new ExitError("usage", "Both --memory and --memory-mb are given.", "Give one of them.");
  }
  return plain ?? size;
}

/** `name:/target` as the API has it; undefined without any. */
export function mountsOf(input: Input): { name: string; target: string }[] | undefined {
  const mounts = input.list("mount").map((text) => {
    const cut = text.indexOf(":");
    if (cut < 1) {
      const next = "Give it as --mount name:/target, with the name that the runner's policy has.";
      throw new ExitError("usage", `--mount is ${JSON.stringify(text)}.`, next);
    }
    return { name: text.slice(0, cut), target: text.slice(cut + 1) };
  });
  return mounts.length === 0 ? undefined : mounts;
}

/** `base` with what flags say; undefined where no flag says anything. */
export function containerOf(input: Input, base: ContainerSettings): ContainerSettings | undefined {
  const image = input.text("image");
  const packages = input.list("package");
  const given: Record<string, unknown> = {
    image: image === "none" ? null : image,
    pull: input.text("pull"),
    cpus: decimal(input, "cpus", 0.1, 64),
    pids: input.number("pids", 16, 32_768),
    files: input.number("files", 64, 1_048_576),
    tmpMb: sizeMb(input, "tmp"),
    diskMb: sizeMb(input, "disk"),
    network: networkOf(input, base),
    isolated: input.choice("isolated"),
    reuse: input.choice("reuse"),
    packages: packages.length === 0 ? undefined : packages,
    keepFailedMs: input.duration("keep-failed"),
    logCapMb: sizeMb(input, "log-cap"),
    logOverflow: input.text("log-overflow"),
    executor: input.text("executor"),
  };
  const changes = Object.entries(given).filter(([, value]) => value !== undefined);
  return changes.length === 0 ? undefined : { ...base, ...Object.fromEntries(changes) };
}

function networkOf(input: Input, base: ContainerSettings): unknown {
  const mode = input.text("network");
  const hosts = input.list("allow-host");
  if (hosts.length > 0) {
    if (mode !== undefined && mode !== "allowlist") {
      throw new ExitError(
        "usage",
        `--allow-host is given with --network ${mode}.`,
        "Hosts are named for --network allowlist alone.",
      );
    }
    return { mode: "allowlist", hosts };
  }
  if (mode !== "allowlist") {
    return mode === undefined ? undefined : { mode };
  }
  if (base.network?.mode !== "allowlist") {
    throw new ExitError("usage", "--network allowlist names no host.", "Add --allow-host for each of them.");
  }
  return base.network;
}

/** MiB of `512`, `512m` or `2g`. */
function sizeMb(input: Input, name: string): number | undefined {
  const text = input.text(name);
  if (text === undefined) {
    return undefined;
  }
  const [, digits, unit = "m"] = /^(\d{1,9})([mg])?(?:i?b)?$/i.exec(text) ?? [];
  if (digits === undefined) {
    throw new ExitError("usage", `--${name} is ${JSON.stringify(text)}.`, "Give a size such as 512m or 2g.");
  }
  return Number(digits) * (unit.toLowerCase() === "g" ? 1_024 : 1);
}

function decimal(input: Input, name: string, least: number, most: number): number | undefined {
  const text = input.text(name);
  if (text === undefined) {
    return undefined;
  }
  const value = /^\d{1,3}(?:\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new ExitError("usage", `--${name} is ${JSON.stringify(text)}.`, `Give a number from ${least} to ${most}.`);
  }
  return value;
}

/**
 * Networks of the mode `bridge`: one for each job, eight addresses of the policy's range, gone with its container. The
 * range is ours to cut up because Docker's own pools run out after about 30 networks.
 */
import type Docker from "dockerode";
import { errorText, type Log } from "../../base/log.ts";
import { ExecutorError } from "../types.ts";
import { closeNetworks } from "./firewall.ts";
import type { Furnish } from "./furnishing.ts";

/** Of a network: 29 bits of prefix. */
const ADDRESSES = 8;
const TRIES = 20;

export interface NetworkOptions {
  readonly docker: Docker;
  readonly log: Log;
  readonly runnerId: string;
  readonly bridgeRange: string;
  readonly privateRanges: readonly string[];
}

export function bridgeNetworks(options: NetworkOptions): Furnish {
  const { docker, log, runnerId, bridgeRange, privateRanges } = options;
  const taken = new Set<string>();
  return async ({ slot, profile }, events) => {
    if (!profile.bridge) {
      return null;
    }
    try {
      await closeNetworks(bridgeRange, privateRanges);
    } catch (error) {
      const problem = errorText(error);
      log.warn("network.open", { problem });
      events.notice?.(
        `The network of this job is not closed towards private addresses and the runner's machine, because no firewall rules can be set there: ${problem}`,
      );
    }
    const name = `cronium-${slot}`;
    const subnet = await makeNetwork(docker, { name, range: bridgeRange, taken, slot, runnerId });
    return {
      apply: (base) => ({
        ...base,
        NetworkDisabled: false,
        HostConfig: { ...base.HostConfig, NetworkMode: name },
      }),
      remove: async () => {
        taken.delete(subnet);
        await removeNetwork(docker, name);
      },
    };
  };
}

async function makeNetwork(
  docker: Docker,
  from: { name: string; range: string; taken: Set<string>; slot: string; runnerId: string },
): Promise<string> {
  const used = new Set([...(await subnetsInUse(docker)), ...from.taken]);
  let problem = "all of them are in use";
  let tries = 0;
  for (const subnet of subnetsOf(from.range)) {
    if (used.has(subnet) || from.taken.has(subnet)) {
      continue;
    }
    from.taken.add(subnet);
    try {
      await docker.createNetwork({
        Name: from.name,
        Driver: "bridge",
        Labels: { "cronium.runner": from.runnerId, "cronium.slot": from.slot },
        IPAM: { Driver: "default", Config: [{ Subnet: subnet }] },
        Options: { "com.docker.network.bridge.enable_icc": "false" },
      });
      return subnet;
    } catch (error) {
      from.taken.delete(subnet);
      problem = errorText(error);
      tries += 1;
      // Somebody else's network overlaps with this one, perhaps not with the next.
      if (!/overlap/i.test(problem) || tries >= TRIES) {
        break;
      }
    }
  }
  throw new ExecutorError("start_failed", `No network could be made in ${from.range}: ${problem}.`);
}

async function subnetsInUse(docker: Docker): Promise<string[]> {
  const networks = await docker.listNetworks();
  return networks.flatMap(({ IPAM: ipam }) => (ipam?.Config ?? []).flatMap(({ Subnet: subnet }) => subnet ?? []));
}

/** One for each job. `10.213.0.0/16` → `10.213.0.0/29`, `10.213.0.8/29`, … Exported for its test. */
export function* subnetsOf(range: string): Generator<string> {
  const [address = "", length = "32"] = range.split("/");
  const size = 2 ** (32 - Number(length));
  const numbers = address.split(".").map(Number);
  const whole = numbers.reduce((sum, part) => sum * 256 + part, 0);
  const first = whole - (whole % size);
  for (let at = 0; at + ADDRESSES <= size; at += ADDRESSES) {
    const number = first + at;
    const parts = [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256);
    yield `${parts.join(".")}/29`;
  }
}

async function removeNetwork(docker: Docker, name: string): Promise<void> {
  try {
    await docker.getNetwork(name).remove();
  } catch (error) {
    if ((error as { statusCode?: unknown }).statusCode !== 404) {
      throw error;
    }
  }
}

/** Networks of slots that nobody has any more. Resolves with how many are gone. */
export async function sweepNetworks(
  { docker, runnerId }: Pick<NetworkOptions, "docker" | "runnerId">,
  isLive: (slot: string) => boolean,
): Promise<number> {
  const networks = await docker.listNetworks({ filters: { label: [`cronium.runner=${runnerId}`] } });
  const orphans = networks.filter(({ Labels: labels }) => !isLive(labels?.["cronium.slot"] ?? ""));
  const gone = await Promise.allSettled(orphans.map(({ Id: id }) => docker.getNetwork(id).remove()));
  return gone.filter(({ status }) => status === "fulfilled").length;
}

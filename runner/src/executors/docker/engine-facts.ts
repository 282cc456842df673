/** What an engine says of itself in `GET /version` and `GET /info`; Podman answers both in Docker's place. */
import type Docker from "dockerode";
import * as z from "zod";

const Version = z.object({
  Version: z.string(),
  ApiVersion: z.string().default("0.0"),
  Os: z.string().default("linux"),
  Components: z.array(z.object({ Name: z.string(), Version: z.string().nullish() })).nullish(),
});

const Info = z.object({
  CgroupVersion: z.string().nullish(),
  SecurityOptions: z.array(z.string()).nullish(),
  Rootless: z.boolean().nullish(),
  MemoryLimit: z.boolean().nullish(),
  SwapLimit: z.boolean().nullish(),
  CpuCfsQuota: z.boolean().nullish(),
  PidsLimit: z.boolean().nullish(),
  DockerRootDir: z.string().nullish(),
  OperatingSystem: z.string().nullish(),
});

/** Rejects with what the socket says. */
export async function engineFacts(docker: Docker) {
  const version = Version.parse(await docker.version());
  const info = Info.parse(await docker.info());
  const name = version.Components?.find((part) => isPodman(part.Name))?.Name ?? "Docker Engine";
  const containerd = version.Components?.find((part) => part.Name === "containerd")?.Version ?? null;
  const options = info.SecurityOptions ?? [];
  const cgroup = info.CgroupVersion === "1" || info.CgroupVersion === "2" ? info.CgroupVersion : null;
  const limits = [
    ["memory", info.MemoryLimit],
    // cgroup v2 accounts for swap without being told.
    ["swap", cgroup === "2" ? true : info.SwapLimit],
    ["cpu", info.CpuCfsQuota],
    ["pids", info.PidsLimit],
  ] as const;
  return {
    name,
    version: version.Version,
    api: version.ApiVersion,
    containerd,
    folder: info.DockerRootDir ?? null,
    cgroup: cgroup as "1" | "2" | null,
    rootless: info.Rootless === true || options.some((option) => option.includes("rootless")),
    userNamespaces: options.some((option) => option.includes("userns")),
    lacks: limits.flatMap(([limit, offered]) => (offered === false ? [limit] : [])),
    os: version.Os,
    desktop: info.OperatingSystem === "Docker Desktop",
  };
}

/** By the name of a component, such as "Podman Engine". */
export function isPodman(component: string): boolean {
  return /podman/i.test(component);
}

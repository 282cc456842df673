/** What the container engine is and what it cannot do. */
import { errorText } from "../base/log.ts";
import type { Config, DockerAddress } from "../config.ts";
import { type Finding, fine, note, toFix } from "./finding.ts";

export interface EngineFacts {
  /** As it calls itself, such as "Docker Engine" or "Podman Engine". */
  readonly name: string;
  readonly version: string;
  /** Of Docker's API, such as "1.41". */
  readonly api: string;
  readonly cgroup: "1" | "2" | null;
  readonly rootless: boolean;
  readonly userNamespaces: boolean;
  /** Limits that the kernel does not offer it. */
  readonly lacks: readonly ("memory" | "swap" | "cpu" | "pids")[];
  readonly os: string;
  /** Docker Desktop, whose engine is in a virtual machine. */
  readonly desktop: boolean;
}

/** Docker Engine 20.10. */
const LEAST_API = [1, 41] as const;

export function engineFindings(
  { docker: address, apiTransport }: Pick<Config, "docker" | "apiTransport">,
  facts: EngineFacts,
): Finding[] {
  const findings: Finding[] = [versionFinding(facts)];
  const elsewhere = facts.desktop ? "in a virtual machine" : "host" in address ? `behind ${address.host}` : null;
  if (elsewhere !== null && apiTransport === "unix") {
    findings.push(
      note(
        `The engine is ${elsewhere}: where it does not see sockets in folders of this machine, no job reaches the runtime API`,
        "Start the runner with --api-transport stdio, or CRONIUM_API_TRANSPORT=stdio.",
      ),
    );
  }
  if ("host" in address && address.protocol === "http") {
    findings.push(
      toFix(
        `Docker listens on ${address.host}:${address.port} without TLS: whoever reaches that port is root there`,
        "Use its unix socket (unset DOCKER_HOST), or TLS with client certificates, or an SSH tunnel to the socket.",
      ),
    );
  }
  if (facts.os !== "linux") {
    findings.push(toFix(`The engine runs ${facts.os} containers`, "Switch it to Linux containers."));
  }
  if (isPodman(facts)) {
    findings.push(
      note(
        `${facts.name} runs jobs in Docker's place, and not all is as with Docker: what a job prints while the runner is away is lost (and declared so), a job out of memory may be told as a plain SIGKILL, a container that somebody stops by hand as the script's own end`,
        "Nothing to do; where that matters, use Docker Engine: sudo apt-get install docker.io, and DOCKER_HOST that names it.",
      ),
    );
  }
  if (facts.cgroup === "1") {
    findings.push(
      note(
        "cgroup v1: limits hold, but a job that is killed for want of memory may be told as a plain SIGKILL",
        "Boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line for cgroup v2.",
      ),
    );
  }
  if (facts.rootless) {
    findings.push(
      note(
        "The engine is rootless, which is the safest way: disks of a fixed size and blocked address ranges are not offered",
        "Nothing to do; events that ask for them are told so.",
      ),
    );
  } else if (!facts.userNamespaces) {
    findings.push(
      note(
        "Whoever may use this engine's socket is root on this machine; jobs never see it",
        "Rootless Docker, or userns-remap in /etc/docker/daemon.json, takes that away.",
      ),
    );
  }
  if (facts.lacks.length > 0) {
    findings.push(
      toFix(
        `The engine cannot limit ${facts.lacks.join(", ")}, so one job may starve the machine`,
        facts.rootless
          ? "Delegate the controllers: printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' into /etc/systemd/system/user@.service.d/delegate.conf, then systemctl daemon-reload and sign in again."
          : "Turn the controllers on: add cgroup_enable=memory swapaccount=1 to the kernel's command line and reboot.",
      ),
    );
  }
  return findings;
}

function versionFinding(facts: EngineFacts): Finding {
  const { name, version, api } = facts;
  const [major = 0, minor = 0] = api.split(".").map(Number);
  const ok = major > LEAST_API[0] || (major === LEAST_API[0] && minor >= LEAST_API[1]);
  return ok
    ? fine(`${name} ${version}, API ${api}`)
    : toFix(
        `${name} ${version} has API ${api}, and the runner needs ${LEAST_API.join(".")} (Docker Engine 20.10)`,
        "Upgrade it: sudo apt-get install --only-upgrade docker.io, or the packages of download.docker.com.",
      );
}

function isPodman({ name }: EngineFacts): boolean {
  return /podman/i.test(name);
}

/** Nobody answers at the address. */
export function unreachableEngine(address: DockerAddress, error: unknown): Finding {
  const where = "socketPath" in address ? address.socketPath : `${address.host}:${address.port}`;
  switch ((error as NodeJS.ErrnoException).code) {
    case "EACCES":
    case "EPERM":
      return toFix(
        `Docker does not answer: this user may not use ${where}`,
        "Let this user use Docker (which makes it root): sudo usermod -aG docker $USER, then sign in again.",
      );
    case "ENOENT":
      return toFix(
        `Docker does not answer: there is no ${where}`,
        "Start Docker (sudo systemctl start docker), or install it (sudo apt-get install docker.io).",
      );
    case "ECONNREFUSED":
      return toFix(
        `Docker does not answer: nobody listens at ${where}`,
        "Start Docker: sudo systemctl start docker; its log: journalctl -u docker.",
      );
    default:
      return toFix(
        `Docker does not answer at ${where}: ${errorText(error)}`,
        "Start Docker (sudo systemctl restart docker), and check DOCKER_HOST.",
      );
  }
}

/** What the runner may do on this machine beside speaking to the engine, and what events lose where it may not. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Finding, fine, note } from "./finding.ts";

/** Numbers of `capabilities(7)`. */
const NET_ADMIN = 12n;
const SYS_ADMIN = 21n;

export interface Rights {
  /** May set rules of the kernel's firewall. */
  readonly netAdmin: boolean;
  /** May mount file systems. */
  readonly sysAdmin: boolean;
  readonly root: boolean;
  /** Programs of `FIREWALL` and `DISKS` that are not there. */
  readonly missing: readonly string[];
  /** The kernel has loop devices. */
  readonly loop: boolean;
}

const FIREWALL = ["iptables"] as const;
const DISKS = ["mkfs.ext4", "mount", "umount", "findmnt"] as const;

/** Debian's package of each. */
const PACKAGES: Readonly<Record<string, string>> = {
  iptables: "iptables",
  "mkfs.ext4": "e2fsprogs",
  mount: "mount",
  umount: "mount",
  findmnt: "util-linux",
};

export function rightsFindings(rights: Rights): Finding[] {
  return [firewallFinding(rights), diskFinding(rights)];
}

function firewallFinding({ netAdmin, missing }: Rights): Finding {
  const lost =
    "jobs of events with a bridge network reach this machine, its private network and the metadata address, and their log says so";
  if (!netAdmin) {
    return note(
      `The runner may not set firewall rules: ${lost}`,
      "Run it as root (sudo cronium-runner service install), or allow no bridge in the policy file: networks: [none, allowlist].",
    );
  }
  const absent = missing.filter((program) => (FIREWALL as readonly string[]).includes(program));
  return absent.length === 0
    ? fine("Networks of jobs can be closed towards this machine")
    : note(`${absent.join(", ")} is missing: ${lost}`, install(absent));
}

function diskFinding({ root, sysAdmin, missing, loop }: Rights): Finding {
  const lost = "events with diskMb do not start here";
  if (!root || !sysAdmin) {
    return note(
      `The runner may not mount disks of a fixed size: ${lost}`,
      "Run it as root on the machine itself (sudo cronium-runner service install), or send such events elsewhere by a label.",
    );
  }
  const absent = missing.filter((program) => (DISKS as readonly string[]).includes(program));
  if (absent.length > 0) {
    return note(`${absent.join(", ")} ${absent.length === 1 ? "is" : "are"} missing: ${lost}`, install(absent));
  }
  return loop
    ? fine("Disks of a fixed size can be made for jobs")
    : note(
        `The kernel offers no loop devices: ${lost}`,
        "sudo modprobe loop; a container or a small VM may not have them at all.",
      );
}

function install(programs: readonly string[]): string {
  const packages = new Set(programs.map((program) => PACKAGES[program] ?? program));
  return `Install it: sudo apt-get install ${[...packages].join(" ")}.`;
}

/** Of this process. */
export function ownRights(path: string): Rights {
  const held = heldCapabilities();
  const folders = [...path.split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return {
    netAdmin: ((held >> NET_ADMIN) & 1n) === 1n,
    sysAdmin: ((held >> SYS_ADMIN) & 1n) === 1n,
    root: process.getuid?.() === 0,
    missing: [...FIREWALL, ...DISKS].filter((program) => !folders.some((folder) => isProgram(join(folder, program)))),
    loop: existsSync("/dev/loop-control"),
  };
}

/** As bits; none outside of Linux. */
function heldCapabilities(): bigint {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  } catch {
    return 0n;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

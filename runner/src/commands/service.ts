/** `cronium-runner service`: makes the runner start with the machine, by systemd or launchd. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { exitCodes, ExitError } from "../base/exit-error.ts";
import { errorText } from "../base/log.ts";
import type { Config } from "../config.ts";
import { readCredential } from "../credential.ts";
import { LAUNCHD_LABEL, launchdPlist } from "../service/launchd.ts";
import { planService, type ServicePlan } from "../service/plan.ts";
import { SYSTEMD_UNIT, systemdUnit } from "../service/systemd.ts";
import { show } from "./output.ts";

export const serviceVerbs = ["install", "uninstall", "status", "print"] as const;
export type ServiceVerb = (typeof serviceVerbs)[number];
export const serviceKinds = ["systemd", "launchd"] as const;

export interface ServiceFlags {
  readonly json: boolean;
  readonly kind?: (typeof serviceKinds)[number] | undefined;
  /** A service of this user's session; default unless root. */
  readonly user: boolean;
  readonly runAs?: string | undefined;
  /** Where the file goes instead. */
  readonly folder?: string | undefined;
}

interface Manager {
  readonly kind: (typeof serviceKinds)[number];
  readonly file: string;
  readonly text: string;
  readonly install: readonly (readonly string[])[];
  readonly uninstall: readonly (readonly string[])[];
  readonly status: readonly string[];
}

export function serviceCommand(
  config: Config,
  verb: ServiceVerb,
  flags: ServiceFlags,
  upFlags: readonly string[],
): number {
  const manager = managerOf(config, flags, upFlags);
  const { kind, file, text } = manager;
  switch (verb) {
    case "print":
      show(flags.json, { kind, file, text }, () => text.trimEnd());
      return exitCodes.ok;
    case "install":
      if (readCredential(config.dataDir)?.registration === undefined) {
        const next = `Register it first: cronium-runner up --once --data-dir ${config.dataDir} --token crnr_… (Ctrl-C when it is online).`;
        throw new ExitError(
          "usage",
          `${config.dataDir} holds no registration, so the service could not connect.`,
          next,
        );
      }
      write(file, text);
      manager.install.forEach(run);
      show(flags.json, { kind, file }, () => `Installed and started: ${file}`);
      return exitCodes.ok;
    case "uninstall":
      manager.uninstall.slice(0, 1).forEach(run);
      rmSync(file, { force: true });
      manager.uninstall.slice(1).forEach(run);
      show(flags.json, { kind, file }, () => `Stopped and removed: ${file}`);
      return exitCodes.ok;
    case "status": {
      const [program = "", ...args] = manager.status;
      const result = spawnSync(program, args, { encoding: "utf8" });
      const state = (result.stdout ?? "").trim() || errorText(result.error ?? result.stderr);
      show(flags.json, { kind, file, active: result.status === 0, state }, () => state);
      return result.status === 0 ? exitCodes.ok : exitCodes.unhealthy;
    }
    default:
      return verb satisfies never;
  }
}

function managerOf(config: Config, flags: ServiceFlags, upFlags: readonly string[]): Manager {
  const root = process.getuid?.() === 0;
  const perUser = flags.user || !root;
  const plan: ServicePlan = planService({
    node: process.execPath,
    main: process.argv[1] ?? "",
    dataDir: config.dataDir,
    user: flags.runAs ?? null,
    perUser,
    flags: upFlags,
    env: process.env,
  });
  const kind = flags.kind ?? (process.platform === "darwin" ? "launchd" : "systemd");
  return kind === "systemd" ? systemd(plan, config, flags) : launchd(plan, flags);
}

function systemd(plan: ServicePlan, config: Config, flags: ServiceFlags): Manager {
  const scope = plan.perUser ? ["--user"] : [];
  const folder = flags.folder ?? (plan.perUser ? join(homedir(), ".config/systemd/user") : "/etc/systemd/system");
  const reload = ["systemctl", ...scope, "daemon-reload"];
  return {
    kind: "systemd",
    file: join(folder, SYSTEMD_UNIT),
    text: systemdUnit(plan, config.drainTimeoutMs === null ? null : config.drainTimeoutMs / 1_000),
    install: [reload, ["systemctl", ...scope, "enable", "--now", SYSTEMD_UNIT]],
    uninstall: [["systemctl", ...scope, "disable", "--now", SYSTEMD_UNIT], reload],
    status: ["systemctl", ...scope, "is-active", SYSTEMD_UNIT],
  };
}

function launchd(plan: ServicePlan, flags: ServiceFlags): Manager {
  const domain = plan.perUser ? `gui/${process.getuid?.() ?? 501}` : "system";
  const folder = flags.folder ?? (plan.perUser ? join(homedir(), "Library/LaunchAgents") : "/Library/LaunchDaemons");
  const file = join(folder, `${LAUNCHD_LABEL}.plist`);
  return {
    kind: "launchd",
    file,
    text: launchdPlist(plan),
    install: [["launchctl", "bootstrap", domain, file]],
    uninstall: [["launchctl", "bootout", `${domain}/${LAUNCHD_LABEL}`]],
    status: ["launchctl", "print", `${domain}/${LAUNCHD_LABEL}`],
  };
}

function write(file: string, text: string): void {
  try {
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, text, { mode: 0o644 });
  } catch (error) {
    const next = "Run it as root, or give --user for a service of your own session.";
    throw new ExitError("usage", `${file} cannot be written: ${errorText(error)}`, next, { cause: error });
  }
}

function run(command: readonly string[]): void {
  const [program = "", ...args] = command;
  const result = spawnSync(program, args, { encoding: "utf8" });
  if (result.status !== 0) {
    const why = result.error === undefined ? (result.stderr ?? "").trim() : errorText(result.error);
    const next = "Write the file with cronium-runner service print, and start it by your own service manager.";
    throw new ExitError("usage", `${command.join(" ")} failed: ${why}`, next);
  }
}

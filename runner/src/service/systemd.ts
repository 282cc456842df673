/**
 * The systemd unit of a runner.
 *
 * It is not started again where a restart cannot help (wrong flags, token refused, name taken, protocols too far apart,
 * revoked, no executor). `systemctl reload` replaces the program without touching its jobs: SIGUSR2 makes the old process
 * end at once with 75, and the new one goes on with what it left. `systemctl stop` lets jobs finish for as long as the
 * drain timeout says.
 *
 * Hardening: what it starts are Docker's containers, which lie outside this unit; access to Docker's socket equals root,
 * so this keeps mistakes small rather than an attacker in. A runner that is root gets no mount namespace of its own,
 * because disks that it mounts for jobs have to be seen by Docker.
 */
import type { ServicePlan } from "./plan.ts";

export const SYSTEMD_UNIT = "cronium-runner.service";

const STOP_MARGIN_S = 30;
const DEFAULT_DRAIN_S = 300;

/** `drainTimeoutS`: seconds that jobs get after a stop; null for the default of 300. */
export function systemdUnit(plan: ServicePlan, drainTimeoutS: number | null): string {
  const drainS = drainTimeoutS ?? DEFAULT_DRAIN_S;
  const command = drainTimeoutS === null ? [...plan.command, "--drain-timeout", String(drainS)] : plan.command;
  const root = !plan.perUser && (plan.user === null || plan.user === "root");
  return `${[
    "[Unit]",
    "Description=Cronium runner",
    ...(plan.perUser ? [] : ["Wants=network-online.target", "After=network-online.target docker.service"]),
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${command.map(quote).join(" ")}`,
    "ExecReload=/bin/kill -USR2 $MAINPID",
    ...Object.entries(plan.environment).map(([name, value]) => `Environment=${quote(`${name}=${value}`)}`),
    ...(plan.perUser || plan.user === null ? [] : [`User=${plan.user}`]),
    "Restart=on-failure",
    "RestartSec=5",
    "RestartForceExitStatus=75",
    "RestartPreventExitStatus=2 3 4 5 77 78",
    "KillMode=process",
    `TimeoutStopSec=${drainS + STOP_MARGIN_S}`,
    "UMask=0077",
    "LimitNOFILE=65536",
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    ...(root || plan.perUser
      ? []
      : [
          "ProtectSystem=strict",
          `ReadWritePaths=${quote(plan.dataDir)}`,
          "ProtectKernelTunables=yes",
          "ProtectKernelModules=yes",
          "ProtectControlGroups=yes",
          "PrivateDevices=yes",
        ]),
    "",
    "[Install]",
    `WantedBy=${plan.perUser ? "default.target" : "multi-user.target"}`,
  ].join("\n")}\n`;
}

/** One word of a unit: `%` and `$` mean something there, quotes and backslashes too. */
function quote(word: string): string {
  const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[A-Za-z0-9_./:=@,+%$-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, (char) => `\\${char}`)}"`;
}

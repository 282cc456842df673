/**
 * The property list of a runner for launchd on macOS. launchd knows no exit codes: a runner that was revoked is started
 * again every minute and ends with the same line, until somebody unloads it.
 */
import { join } from "node:path";
import type { ServicePlan } from "./plan.ts";

export const LAUNCHD_LABEL = "dev.cronium.runner";

type Plist = string | number | boolean | readonly Plist[] | { readonly [key: string]: Plist };

export function launchdPlist(plan: ServicePlan): string {
  const log = join(plan.dataDir, "runner.log");
  const plist: Plist = {
    Label: LAUNCHD_LABEL,
    ProgramArguments: [...plan.command, "--log-file", log],
    EnvironmentVariables: plan.environment,
    ...(plan.perUser || plan.user === null ? {} : { UserName: plan.user }),
    WorkingDirectory: "/",
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: 60,
    ExitTimeOut: 330,
    // The runner ends its own helpers; jobs belong to the next process.
    AbandonProcessGroup: true,
    ProcessType: "Background",
    Umask: 63,
    SoftResourceLimits: { NumberOfFiles: 65_536 },
    StandardErrorPath: join(plan.dataDir, "runner.stderr.log"),
  };
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${node(plist, 0)}
</plist>
`;
}

function node(value: Plist, depth: number): string {
  const pad = "  ".repeat(depth);
  if (typeof value === "string") {
    return `${pad}<string>${escapeXml(value)}</string>`;
  }
  if (typeof value === "number") {
    return `${pad}<integer>${value}</integer>`;
  }
  if (typeof value === "boolean") {
    return `${pad}<${value}/>`;
  }
  if (Array.isArray(value)) {
    return [`${pad}<array>`, ...value.map((item: Plist) => node(item, depth + 1)), `${pad}</array>`].join("\n");
  }
  const entries = Object.entries(value as { readonly [key: string]: Plist }).flatMap(([key, item]) => [
    `${pad}  <key>${escapeXml(key)}</key>`,
    node(item, depth + 1),
  ]);
  return [`${pad}<dict>`, ...entries, `${pad}</dict>`].join("\n");
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** `cronium-runner doctor`: one line for each thing looked at, with the exact fix where one is needed. */
import { exitCodes } from "../base/exit-error.ts";
import type { Config } from "../config.ts";
import { type DockerProbe, examine } from "../doctor.ts";
import { show } from "./output.ts";

export async function doctorCommand(config: Config, docker: DockerProbe, json: boolean): Promise<number> {
  const findings = await examine(config, docker);
  const ok = findings.every((finding) => finding.ok);
  show(json, { ok, findings }, () =>
    findings
      .map(({ ok: fine, what, fix }) => `${fine ? "ok  " : "FIX "} ${what}${fix === "" ? "" : `. ${fix}`}`)
      .join("\n"),
  );
  return ok ? exitCodes.ok : exitCodes.unhealthy;
}

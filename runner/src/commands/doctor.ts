/** `cronium-runner doctor`: one line for each thing looked at, with the exact fix where one is needed. */
import { exitCodes } from "../base/exit-error.ts";
import type { Config } from "../config.ts";
import { type DockerProbe, examine } from "../doctor/doctor.ts";
import { show } from "./output.ts";

const WORDS = { ok: "ok  ", note: "note", fix: "FIX " } as const;

export async function doctorCommand(config: Config, docker: DockerProbe, json: boolean): Promise<number> {
  const findings = await examine(config, docker, process.env);
  const ok = findings.every((finding) => finding.ok);
  show(json, { ok, findings }, () =>
    findings.map(({ level, what, fix }) => `${WORDS[level]} ${what}${fix === "" ? "" : `. ${fix}`}`).join("\n"),
  );
  return ok ? exitCodes.ok : exitCodes.unhealthy;
}

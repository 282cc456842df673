/** The job as text that a POSIX shell evaluates: values in single quotes, where only a single quote means anything. */
import type { BootstrapJob } from "@cronium/protocol";

export function shellJob(job: BootstrapJob): string {
  const exports = Object.entries(job.env)
    // A name that is no shell name could smuggle in a command; such names are refused at save as well.
    .filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    .map(([name, value]) => `export ${name}=${quote(value)}\n`);
  // First, where a shell finds it without running the rest.
  const reuse = job.reuse === undefined ? "" : `CRONIUM_REUSE=${job.reuse.replaceAll(/[^A-Za-z0-9]/g, "")}\n`;
  return `${reuse}${exports.join("")}CRONIUM_SCRIPT=${quote(job.script)}\n`;
}

function quote(value: string): string {
  return `'${value.replaceAll("\0", "").replaceAll("'", String.raw`'\''`)}'`;
}

/** Names the machine a benchmark ran on, so that its figures are never read as promises. */
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly kernel: string;
  /** One-minute load average when the benchmark began. */
  readonly load: number;
  readonly node: string;
  readonly docker: string;
  readonly workerd: string;
}

export function describeMachine(workerd: string): Machine {
  const list = cpus();
  return {
    cpu: list[0]?.model ?? "unknown",
    cores: list.length,
    memoryMb: Math.round(totalmem() / 1_048_576),
    kernel: release(),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    node: process.version,
    docker: output("docker", ["version", "--format", "{{.Server.Version}}"]),
    workerd: output(workerd, ["--version"]),
  };
}

function output(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "not found";
  }
}

/** Commands that ask or tell the runner that runs on this machine: status, drain, pause, resume, logs. */
import { exitCodes } from "../base/exit-error.ts";
import type { Config } from "../config.ts";
import { askRunner } from "../control/client.ts";
import { type ControlRequest, StatusReport } from "../control/messages.ts";
import { columns, show, span } from "./output.ts";

export async function statusCommand({ dataDir }: Config, json: boolean): Promise<number> {
  const report = StatusReport.parse(await askRunner(dataDir, { type: "status" }));
  show(json, report, () => statusText(report));
  return exitCodes.ok;
}

function statusText(report: StatusReport): string {
  const { runner, links, slots, memory, jobs, kept, problems } = report;
  const home = links.find(({ shard }) => shard === 0);
  const shards = links.length > 1 ? `, ${links.filter(({ connected }) => connected).length} of ${links.length} up` : "";
  const ping = home === undefined || home.latencyMs === null ? "" : `, ${home.latencyMs} ms`;
  const lines = [
    ["runner", `${runner.name} (${runner.id}) is ${report.state}`],
    ["control plane", `${runner.url}${home?.connected === true ? ` by ${home.transport}${ping}${shards}` : ", away"}`],
    ["jobs", `${slots.used} of ${slots.capacity} slots${memoryText(memory)}`],
    ["engine", report.engine === null ? "Docker does not answer" : `${report.executor} ${report.engine}`],
    ...machineLines(report),
    ["version", `${report.version}, protocol ${report.protocol}, process ${report.pid}, up ${span(report.upMs)}`],
    ["data", report.dataDir],
  ];
  if (report.notReady.length > 0) {
    lines.push(["not ready", report.notReady.join(", ")]);
  }
  if (report.stuck > 0) {
    lines.push(["stuck", `${report.stuck} containers of ended jobs that Docker does not take away`]);
  }
  if (report.undelivered > 0) {
    lines.push(["undelivered", `${report.undelivered} results wait for the control plane`]);
  }
  const parts = [columns(lines)];
  if (jobs.length > 0) {
    const rows = jobs.map((job) => [
      job.runId,
      String(job.attempt),
      job.phase,
      job.ranMs === null ? "-" : span(job.ranMs),
      `${job.memoryMb} MB`,
      job.eventName,
    ]);
    parts.push(columns([["RUN", "ATTEMPT", "PHASE", "FOR", "MEMORY", "EVENT"], ...rows]));
  }
  if (kept.length > 0) {
    const rows = kept.map(({ runId, attempt, until, name }) => [runId, String(attempt), until, name]);
    parts.push(columns([["KEPT OF A FAILED RUN", "ATTEMPT", "UNTIL", "CONTAINER"], ...rows]));
  }
  if (problems.length > 0) {
    parts.push(["Lately:", ...problems.map(({ at, level, text }) => `  ${at} ${level} ${text}`)].join("\n"));
  }
  return parts.join("\n\n");
}

function machineLines({ machine }: StatusReport): [string, string][] {
  if (machine === undefined) {
    return [];
  }
  const { facts, metrics } = machine;
  const gb = (mb: number): string => `${(mb / 1_024).toFixed(1)} GB`;
  const free = metrics.diskFreeMb.data;
  const waiting = metrics.waiting.reduce((sum, { count }) => sum + count, 0);
  const parts = [
    `load ${metrics.load[0].toFixed(2)}`,
    `${gb(metrics.memoryUsedMb)} of memory in use`,
    ...(free === null ? [] : [`${gb(free)} of disk free`]),
    ...(waiting === 0 ? [] : [`${waiting} containers wait`]),
    ...(facts === null ? [] : [facts.kernel]),
  ];
  return [["machine", parts.join(", ")]];
}

function memoryText({ budgetMb, usedMb }: StatusReport["memory"]): string {
  return budgetMb === null ? "" : `, ${usedMb} of ${budgetMb} MB`;
}

const DONE = {
  drain: "It takes nothing new, finishes what it has and leaves.",
  pause: "It takes nothing new and stays connected. Go on with cronium-runner resume.",
  resume: "It takes jobs again.",
} as const;

export async function tellCommand(
  { dataDir }: Config,
  type: keyof typeof DONE,
  { json, stopJobs = false }: { readonly json: boolean; readonly stopJobs?: boolean },
): Promise<number> {
  const request: ControlRequest = type === "drain" ? { type, stopJobs } : { type };
  const value = await askRunner(dataDir, request);
  show(json, value, () => DONE[type]);
  return exitCodes.ok;
}

export async function logsCommand(
  { dataDir }: Config,
  run: string | undefined,
  { json, follow }: { readonly json: boolean; readonly follow: boolean },
): Promise<number> {
  const own = run === undefined;
  const request: ControlRequest = { type: "logs", follow, ...(own ? {} : { run }) };
  await askRunner(dataDir, request, (stream, text) => {
    if (json) {
      process.stdout.write(`${JSON.stringify({ stream, text })}\n`);
    } else if (own) {
      process.stdout.write(`${text}\n`);
    } else {
      // What a job prints comes in pieces, and may hold control characters: a pipe gets them as they are.
      process.stdout.write(process.stdout.isTTY ? inert(text) : text);
    }
  });
  return exitCodes.ok;
}

/** Without what a terminal would act on. */
function inert(text: string): string {
  return text.replace(/[^\P{Cc}\t\n\r]|[\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

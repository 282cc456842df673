/**
 * What is said over a runner's own control socket, `control.sock` in its data folder: 0600, so that only the user of the
 * runner, and root, can speak there. Both ends are this package.
 *
 * One JSON line asks. The answer is one line, `ok` with a value or a refusal. `logs` answers with `log` lines first,
 * as many as there are, and with `follow` goes on until either end hangs up. Unknown requests are refused by name, so
 * that a newer command meets an older runner with a sentence.
 */
import { MachineFacts, MachineMetrics } from "@cronium/protocol";
import * as z from "zod";

export const ControlRequest = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("status") }),
  /** Take nothing new, finish what runs, leave. `stopJobs`: stop the jobs too. */
  z.strictObject({ type: z.literal("drain"), stopJobs: z.boolean().default(false) }),
  /** Take nothing new and stay. */
  z.strictObject({ type: z.literal("pause") }),
  z.strictObject({ type: z.literal("resume") }),
  /** The runner's own log, or what a job here prints. */
  z.strictObject({ type: z.literal("logs"), run: z.string().optional(), follow: z.boolean().default(false) }),
  z.strictObject({ type: z.literal("inspect"), run: z.string() }),
  /** Leave the control plane for good. `force`: also with jobs, which are lost. */
  z.strictObject({ type: z.literal("unregister"), force: z.boolean().default(false) }),
  /** End at once and leave the jobs to the process that asks. */
  z.strictObject({ type: z.literal("hand_over") }),
]);
export type ControlRequest = z.input<typeof ControlRequest>;
export type ParsedRequest = z.output<typeof ControlRequest>;

const JobStatus = z.object({
  runId: z.string(),
  attempt: z.int(),
  eventName: z.string(),
  runtime: z.string(),
  executor: z.string(),
  /** `ended`: its log and result are still on their way. */
  phase: z.enum(["accepted", "running", "ended"]),
  /** Milliseconds since its process started; null before. */
  ranMs: z.number().nullable(),
  memoryMb: z.int(),
});

const LinkStatus = z.object({
  shard: z.int(),
  connected: z.boolean(),
  transport: z.string(),
  latencyMs: z.number().nullable(),
});

/** What happened lately that somebody may want to know; oldest first. */
const Problem = z.object({ at: z.string(), level: z.string(), text: z.string() });

/** What stays of a failed run for people to look at; `command`: a program with its arguments, for this machine. */
const KeptContainer = z.object({
  runId: z.string(),
  attempt: z.int(),
  name: z.string(),
  id: z.string(),
  image: z.string(),
  until: z.string(),
  look: z.array(z.object({ what: z.string(), command: z.array(z.string()) })),
});
export type KeptContainer = z.infer<typeof KeptContainer>;

/** What a runner knows of one run; `attempts` as its journal has them. */
export const InspectReport = z.object({
  attempts: z.array(
    z.object({
      attempt: z.int(),
      slot: z.string(),
      started: z.boolean(),
      handedOut: z.boolean(),
      stopping: z.unknown(),
      hasOutput: z.boolean(),
      result: z.unknown(),
      definition: z.unknown(),
    }),
  ),
  running: z.array(JobStatus),
  kept: z.array(KeptContainer).default([]),
});
export type InspectReport = z.infer<typeof InspectReport>;

export const StatusReport = z.object({
  state: z.enum(["online", "offline", "paused", "draining"]),
  runner: z.object({ id: z.string(), name: z.string(), url: z.string(), ephemeral: z.boolean() }),
  version: z.string(),
  protocol: z.int(),
  pid: z.int(),
  upMs: z.number(),
  dataDir: z.string(),
  executor: z.string(),
  /** Version of the Docker Engine; null while it does not answer. */
  engine: z.string().nullable(),
  notReady: z.array(z.string()),
  links: z.array(LinkStatus),
  slots: z.object({ capacity: z.int(), used: z.int() }),
  /** Megabytes that jobs may have together, and have; null without a limit. */
  memory: z.object({ budgetMb: z.int().nullable(), usedMb: z.int() }),
  /** What it is and how it does; absent in a runner of the version before. */
  machine: z.object({ facts: MachineFacts.nullable(), metrics: MachineMetrics }).optional(),
  jobs: z.array(JobStatus),
  /** Containers of failed runs, as of the last look at most a minute ago; the newest first. */
  kept: z.array(KeptContainer.omit({ look: true })).default([]),
  /** Containers of jobs that have ended, and that the engine does not take away. */
  stuck: z.int().default(0),
  /** Results that the control plane has not acknowledged. */
  undelivered: z.int(),
  problems: z.array(Problem),
});
export type StatusReport = z.infer<typeof StatusReport>;
export type JobStatus = z.infer<typeof JobStatus>;

export const ControlReply = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ok"), value: z.unknown() }),
  z.object({ type: z.literal("refused"), code: z.string(), message: z.string() }),
  z.object({ type: z.literal("log"), stream: z.string(), text: z.string() }),
]);
export type ControlReply = z.infer<typeof ControlReply>;

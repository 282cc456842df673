/** A runner as the API returns it. */
import * as z from "zod";
import { Labels } from "./labels.ts";
import { MachineFacts, MachineMetrics } from "./machine.ts";
import { runStates } from "./run-states.ts";
import { runnerStates, runnerWarnings, transports, type RunnerWarning } from "./runner-states.ts";

export const RunnerPlatform = z.strictObject({
  os: z.string().max(64),
  arch: z.string().max(32),
  hostname: z.string().max(255),
  node: z.string().max(32),
  /** Version of the Docker Engine; null when it does not answer. */
  docker: z.string().max(64).nullable(),
  cpus: z.int().min(1),
  memoryMb: z.int().min(1),
});
export type RunnerPlatform = z.infer<typeof RunnerPlatform>;

export const Runner = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    state: z.enum(Object.keys(runnerStates) as [keyof typeof runnerStates, ...(keyof typeof runnerStates)[]]),
    /** Keys of `notReadyReasons`; empty when ready for everything. */
    notReady: z.array(z.string()),
    labels: Labels,
    version: z.string(),
    platform: RunnerPlatform.nullable(),
    slots: z.int(),
    slotsUsed: z.int(),
    /** Round trip of the last ping in milliseconds; null when unknown. */
    latencyMs: z.number().nullable(),
    /** Since when it is held back, and why in a sentence; null, the default, when it is not. A person releases it. */
    quarantine: z.strictObject({ at: z.iso.datetime(), message: z.string() }).nullable().default(null),
    /**
     * Why it gets no offers though nothing is wrong with it; null, the default, when it does. Paused with `person` by
     * somebody at the control plane, until then or until somebody resumes it; with `machine` at the machine itself, where
     * alone it is resumed.
     */
    paused: z
      .strictObject({
        by: z.enum(["person", "machine"]),
        note: z.string(),
        at: z.iso.datetime(),
        until: z.iso.datetime().nullable(),
      })
      .nullable()
      .default(null),
    /** How it is connected: `polling` where a proxy lets no WebSocket through; null when it is not. */
    transport: z.enum(transports).nullable(),
    connectedAt: z.iso.datetime().nullable(),
    lastSeenAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    /** What is not right with it, though it takes work; `message` says what, by how much and what to do. Default: none. */
    warnings: z
      .array(z.strictObject({ code: z.enum(Object.keys(runnerWarnings) as [RunnerWarning]), message: z.string() }))
      .default([]),
    /** It takes one job, then leaves and is listed no more. Default: false. */
    ephemeral: z.boolean().default(false),
    rev: z.int(),
  })
  .meta({ id: "Runner" });
export type Runner = z.infer<typeof Runner>;

/** One runner with everything that is known of it. */
export const RunnerDetail = Runner.extend({
  /** What the machine is, by its last connection; null for a runner that is too old to say. */
  facts: MachineFacts.nullable(),
  /** How the machine did at `at`: a moment ago for one that is connected, else when it was last heard. Null: never said. */
  metrics: MachineMetrics.extend({ at: z.iso.datetime() }).nullable(),
  /** Attempts that it holds now, the oldest first, at most 100. */
  jobs: z.array(
    z.strictObject({
      runId: z.string(),
      attempt: z.int(),
      eventName: z.string(),
      state: z.enum(runStates),
      startedAt: z.iso.datetime().nullable(),
    }),
  ),
}).meta({ id: "RunnerDetail" });
export type RunnerDetail = z.infer<typeof RunnerDetail>;

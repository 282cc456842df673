/**
 * Scenarios as data: an event, what happens to its run, and how it has to end. A new case is a new file in `scenarios/`
 * and needs no code.
 */
import * as z from "zod";

export const Scenario = z.strictObject({
  /** A sentence; it becomes the name of the test. */
  title: z.string(),
  executor: z.enum(["fake", "docker"]).default("fake"),
  /** Policy of the runner, YAML. */
  policy: z.string().optional(),
  event: z.record(z.string(), z.unknown()),
  input: z.json().default(null),
  /** Done in order, each once the run is in the state. `logged` waits for that text in the log first. */
  actions: z
    .array(
      z.strictObject({
        when: z.string(),
        logged: z.string().optional(),
        do: z.enum([
          "cancel",
          "crash_plane",
          "kill_runner",
          "restart_runner",
          "start_other_runner",
          "kill_sidecar",
          "drain_runner",
        ]),
      }),
    )
    .default([]),
  /** Fields of the finished run; only those named are compared. `message` is a text that must be part of it. */
  expect: z.strictObject({
    state: z.string(),
    failReason: z.string().nullable().optional(),
    cancelReason: z.string().nullable().optional(),
    exitCode: z.int().nullable().optional(),
    output: z.json().optional(),
    attempt: z.int().optional(),
    logState: z.string().optional(),
    message: z.string().optional(),
    /** Texts that the log must hold, in this order. */
    log: z.array(z.string()).optional(),
    /** Bytes of the log, at least. */
    logBytes: z.int().optional(),
  }),
  deadlineMs: z.int().default(60_000),
});
export type Scenario = z.infer<typeof Scenario>;

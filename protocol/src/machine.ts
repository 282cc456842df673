/**
 * What a runner says of the machine it works on: facts, which hardly change, with every `hello` and again with a `status`
 * when they have changed; metrics, which always do, with a `status` that is due anyway, and in a `metrics` when the
 * control plane asks with `measure` because somebody looks.
 */
import * as z from "zod";
import { runtimes } from "./event.ts";

const text = (most: number) => z.string().max(most);

/** Megabytes are 1,048,576 bytes everywhere here. */
const Disk = z.strictObject({ path: text(1_024), sizeMb: z.int().min(0) });

export const MachineFacts = z.strictObject({
  /** As `uname -sr` has it. */
  kernel: text(128),
  /** The container engine; null while it does not answer. */
  engine: z
    .strictObject({
      name: text(64),
      version: text(64),
      api: text(16),
      /** Null where it does not say. */
      containerd: text(64).nullable(),
      cgroup: z.enum(["1", "2"]).nullable(),
      rootless: z.boolean(),
    })
    .nullable(),
  /** Versions of what runs scripts without a container; null for one that is not there. */
  interpreters: z.record(z.enum(runtimes), text(64).nullable()),
  /** Whether the machine's own policy lets scripts run without a container. */
  process: z.boolean(),
  /** Where the runner keeps its data, and where the engine keeps images and containers; null where that is not known. */
  disks: z.strictObject({ data: Disk.nullable(), engine: Disk.nullable() }),
});
export type MachineFacts = z.infer<typeof MachineFacts>;

export const MachineMetrics = z.strictObject({
  /** Load averages over 1, 5 and 15 minutes. */
  load: z.tuple([z.number().min(0), z.number().min(0), z.number().min(0)]),
  /** Of the whole machine, without what the kernel gives back on demand. */
  memoryUsedMb: z.int().min(0),
  /** Null where that is not known. */
  diskFreeMb: z.strictObject({ data: z.int().min(0).nullable(), engine: z.int().min(0).nullable() }),
  /** Jobs that take a slot, whichever Dispatcher they come from. */
  slotsUsed: z.int().min(0),
  /** What the memory limits of these jobs add up to, and may; null for as much as they like. */
  jobsMemoryMb: z.int().min(0),
  memoryBudgetMb: z.int().min(0).nullable(),
  /** Containers that are started and wait for a job, by what they are for. */
  waiting: z
    .array(
      z.strictObject({ runtime: z.enum(runtimes), memoryMb: z.int().min(0), cpus: z.number().min(0), count: z.int() }),
    )
    .max(64),
});
export type MachineMetrics = z.infer<typeof MachineMetrics>;

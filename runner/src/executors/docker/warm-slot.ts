/**
 * A container that is started before its job is known, and waits in its bootstrap on its socket. Its output is attached
 * from the beginning, so that the first byte of its job is not lost; what it prints while it waits makes it useless.
 */
import type { IdleSlot } from "../pool/pool.ts";
import type { SlotEvents, SlotRequest } from "../types.ts";
import { type ColdSlotContext, makeColdSlot } from "./cold-slot.ts";
import { containerName, type IdleRequest } from "./create-options.ts";

/** Off the hot path: the name is for people, and a job that is over by then needs none. */
const RENAME_AFTER_MS = 1_000;

/** `opened`: its socket is there, or Docker would make a folder of its own in that place. */
export function makeWarmSlot(
  context: Omit<ColdSlotContext, "urgent">,
  request: IdleRequest,
  opened: Promise<void>,
): IdleSlot {
  const { clock } = context;
  let events: SlotEvents | null = null;
  const spoiled = Promise.withResolvers<string>();
  const slot = makeColdSlot({ ...context, urgent: () => events !== null }, request, {
    bytes: (stream, bytes) => {
      if (events === null) {
        spoiled.resolve(`it printed before it had a job: ${Buffer.from(bytes).toString().slice(0, 200).trim()}`);
      } else {
        events.bytes(stream, bytes);
      }
    },
    lost: (bytes) => events?.lost(bytes),
    value: (value) => events?.value(value),
    notice: (text) => events?.notice?.(text),
  });
  const started = opened.then(() => slot.start());
  const ended = slot.exited.then(
    ({ code }) => `it ended with ${code}`,
    (error: unknown) => String(error),
  );
  return {
    started,
    gone: Promise.race([spoiled.promise, ended]),
    lend: (job: SlotRequest, sink: SlotEvents) => {
      events = sink;
      // One that serves several runs has the name of none.
      if (job.owner === null) {
        const cancelRename = clock.after(RENAME_AFTER_MS, () => {
          void slot.rename(containerName(job.runId, job.attempt));
        });
        ended.finally(cancelRename).catch(() => {});
      }
      return slot;
    },
    remove: () => slot.remove(),
  };
}

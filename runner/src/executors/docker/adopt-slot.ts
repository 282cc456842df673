/** The container of an attempt that an earlier process started, whether it serves that attempt alone or others too. */
import { AgainSlot } from "../pool/again-slot.ts";
import type { AdoptRequest, SeenBytes, Slot, SlotEvents } from "../types.ts";
import { adoptColdSlot } from "./adopt-cold-slot.ts";
import type { ColdSlotContext } from "./cold-slot.ts";

/** Null when it is gone or was never started. It serves no further job. */
export async function adoptSlot(
  context: ColdSlotContext,
  request: AdoptRequest,
  events: SlotEvents,
  seen: SeenBytes,
): Promise<Slot | null> {
  const { again: mark } = request;
  if (mark === null) {
    return adoptColdSlot(context, request, events, seen);
  }
  const early: Parameters<SlotEvents["bytes"]>[] = [];
  let view: AgainSlot | null = null;
  const taking: SlotEvents = {
    ...events,
    bytes: (stream, bytes) => {
      if (view === null) {
        early.push([stream, bytes]);
      } else {
        view.take(stream, bytes);
      }
    },
  };
  const seenInAll = { stdout: mark.stdout + seen.stdout, stderr: mark.stderr + seen.stderr };
  const inner = await adoptColdSlot(context, request, taking, seenInAll);
  if (inner === null) {
    return null;
  }
  view = new AgainSlot({ inner, mark, events, giveBack: () => false });
  for (const [stream, bytes] of early) {
    view.take(stream, bytes);
  }
  return view;
}

/** Taking up the container of an attempt that an earlier process of the runner started. */
import type Docker from "dockerode";
import { errorText } from "../../base/log.ts";
import type { AdoptRequest, SeenBytes, Slot, SlotEvents } from "../types.ts";
import { statusOf } from "./answer.ts";
import { ColdSlot, type ColdSlotContext } from "./cold-slot.ts";
import { TUNNEL_ADDRESS } from "./exec-tunnel.ts";

/** The container of an attempt that an earlier process started; null when it is gone or was never started. */
export async function adoptColdSlot(
  context: ColdSlotContext,
  request: AdoptRequest,
  events: SlotEvents,
  seen: SeenBytes,
): Promise<Slot | null> {
  let found: Docker.ContainerInspectInfo;
  try {
    // By its slot: the name of one that was made before its job may still be the slot's.
    const filters = { label: [`cronium.runner=${context.create.runnerId}`, `cronium.slot=${request.slot}`] };
    const [one] = await context.docker.listContainers({ all: true, filters });
    if (one === undefined) {
      return null;
    }
    found = await context.docker.getContainer(one.Id).inspect();
  } catch (error) {
    if (statusOf(error) === 404) {
      return null;
    }
    throw error;
  }
  if (found.State.Status === "created") {
    return null;
  }
  const slot = new ColdSlot(context, { container: context.docker.getContainer(found.Id) });
  // Whatever this process is told to use: it was made by an earlier one.
  if (found.State.Running && found.Config.Env.includes(`CRONIUM_API=${TUNNEL_ADDRESS}`)) {
    slot.openTunnel(request.definition.runtime, request.apiFolder).catch((error: unknown) => {
      context.log.warn("tunnel.not_opened", { slot: request.slot, problem: errorText(error) });
    });
  }
  await slot.goOn(found, events, seen);
  return slot;
}

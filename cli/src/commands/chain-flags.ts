/** What an event starts when its runs end, as flags name it; mappings are given by a file. */
import type { Chain } from "@cronium/protocol/chain";
import { chainEnds, type ChainEnd } from "@cronium/protocol/chain-tables";
import type { RunOrigin } from "@cronium/protocol";
import type { Run } from "@cronium/protocol/run";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { eventId } from "./event-ref.ts";

/** Whether a flag says anything about chains; `chainsOf` reads which. */
export function asksForChains(input: Input): boolean {
  return input.list("chain").length > 0 || input.choice("chains") === false;
}

/** All chains that the event shall have; none with `--no-chains` alone. */
export async function chainsOf(api: Api, input: Input): Promise<Omit<Chain, "mapping">[]> {
  const named = input.list("chain").map(endAndEvent);
  return Promise.all(named.map(async ({ on, event }) => ({ eventId: await eventId(api, event), on })));
}

function endAndEvent(pair: string): { readonly on: ChainEnd; readonly event: string } {
  const cut = pair.indexOf("=");
  const on = chainEnds.find((end) => end === pair.slice(0, cut));
  if (on === undefined || cut === pair.length - 1) {
    throw new ExitError(
      "usage",
      `--chain is ${JSON.stringify(pair)}.`,
      `Give it as --chain end=event, with one of the ends ${chainEnds.join(", ")}.`,
    );
  }
  return { on, event: pair.slice(cut + 1) };
}

/** One chain in a line: its end, its event, and whether its input is mapped. */
export function chainText({ on, eventId: id, mapping }: Chain): string {
  return `${on}: ${id}${mapping === null ? "" : " (mapped)"}`;
}

/** Null for a run that no other run has started. */
export function startedBy(origin: RunOrigin | null): string | null {
  return origin?.type === "chain"
    ? `${origin.runId} of ${origin.eventName} (${origin.on}, number ${origin.depth} after ${origin.rootRunId})`
    : null;
}

export const CHAINED_COLUMNS = ["STARTS", "ON", "STATE", "RUN", "WHY"];

export function chainedRow({ eventId: id, on, state, runId, message }: Run["chained"][number]): string[] {
  return [id, on, state, runId ?? "-", message ?? ""];
}

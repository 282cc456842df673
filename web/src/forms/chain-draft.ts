/** What an event starts when its runs end, as its form holds it: one text for all, so that a change of any is seen. */
import type { Chain } from "@cronium/protocol/chain";
import { t } from "../lib/text.ts";

export function chainsText(chains: readonly Chain[]): string {
  return JSON.stringify(chains.map(({ eventId, on, mapping }) => ({ eventId, on, mapping })));
}

/** An event that is not chosen yet has an empty id; a mapping that is empty is none. */
export function chainsIn(text: string): Chain[] {
  return JSON.parse(text) as Chain[];
}

export type ReadChains =
  | { readonly ok: true; readonly chains: Chain[] }
  /** With the place first, as the API's own: `0/eventId Choose …`. */
  | { readonly ok: false; readonly message: string };

export function readChains(text: string): ReadChains {
  const chains = chainsIn(text).map((chain) => ({
    ...chain,
    mapping: (chain.mapping ?? "").trim() === "" ? null : chain.mapping,
  }));
  const missing = chains.findIndex(({ eventId }) => eventId === "");
  return missing === -1 ? { ok: true, chains } : { ok: false, message: `${missing}/eventId ${t("chains.needsEvent")}` };
}

/** What is wrong with a field of the chain at this place; undefined when nothing is. `all`: what is wrong with no field of one. */
export function chainError(
  message: string | undefined,
  place: number | "all",
  field?: "eventId" | "mapping",
): string | undefined {
  const at = /^(\d+)\/(eventId|mapping) (.*)$/s.exec(message ?? "");
  if (place === "all") {
    return at === null ? message : undefined;
  }
  return at !== null && Number(at[1]) === place && at[2] === field ? at[3] : undefined;
}

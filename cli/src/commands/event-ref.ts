/** An event as a person names it: by its id, or by its name when only one has it. */
import { EventPage } from "@cronium/protocol/api/events";
import { isId } from "@cronium/protocol/ids";
import type { EventSummary } from "@cronium/protocol/api/events";
import type { Api } from "../api/client.ts";
import { readPages } from "../api/pages.ts";
import { ExitError } from "../base/exit-error.ts";

const MOST_EVENTS = 10_000;

export async function eventId(api: Api, named: string): Promise<string> {
  if (isId("event", named)) {
    return named;
  }
  const { items } = await readPages<EventSummary>(api, "/events", EventPage, { limit: MOST_EVENTS, cursor: undefined });
  const found = items.filter(({ name }) => name === named);
  const [only] = found;
  if (only === undefined) {
    throw new ExitError("notFound", `There is no event named ${JSON.stringify(named)}.`, "See cronium events list.");
  }
  if (found.length > 1) {
    throw new ExitError(
      "conflict",
      `${found.length} events are named ${JSON.stringify(named)}.`,
      `Name one by its id: ${found.map(({ id }) => id).join(", ")}.`,
    );
  }
  return only.id;
}

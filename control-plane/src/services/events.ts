/** Events: written in the Dispatcher, listed from their projection. */
import type {
  CreateEvent,
  Event,
  EventSummary,
  InputSchema,
  PageQuery,
  SavedEvent,
  UpdateEvent,
} from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { chainErrors } from "../domain/chains.ts";
import { eventNotices } from "../domain/event-notices.ts";
import { schemaErrors } from "../domain/inputs/schema-errors.ts";
import { expressionErrors } from "../domain/queue-key.ts";
import { listEventRows } from "../store/events.ts";
import type { Cause } from "./idempotency.ts";
import { unwrap } from "./outcome.ts";
import { pageFrom, readCursor } from "./page-cursor.ts";

/** Throws `invalid_expression`, `invalid_mapping`, `chain_cycle`, and what `schemaErrors` finds. */
export async function createEvent(deps: Deps, act: Act, event: CreateEvent, cause: Cause): Promise<SavedEvent> {
  checkRules(event);
  const outcome = await deps.dispatcherFor(act.actor.workspaceId).createEvent({
    eventId: makeId("event", deps.clock.now(), deps.ids.random(10)),
    event,
    causeKey: cause.key,
    bodyHash: cause.bodyHash,
    by: stampOf(act),
  });
  return withNotices(unwrap(outcome).event);
}

/** Throws `invalid_expression`, `invalid_mapping`, `chain_cycle`, and what `schemaErrors` finds. */
export async function updateEvent(deps: Deps, act: Act, eventId: string, change: UpdateEvent): Promise<SavedEvent> {
  checkRules(change);
  const outcome = await deps.dispatcherFor(act.actor.workspaceId).updateEvent({ eventId, change, by: stampOf(act) });
  return withNotices(unwrap(outcome));
}

function withNotices(event: Event): SavedEvent {
  const notices = eventNotices(event);
  return notices.length === 0 ? event : { ...event, notices };
}

function checkRules(
  event: Parameters<typeof expressionErrors>[0] &
    Parameters<typeof chainErrors>[0] & { readonly inputSchema?: InputSchema | undefined },
): void {
  const { inputSchema = null } = event;
  const errors = [
    ...expressionErrors(event),
    ...chainErrors(event),
    ...(inputSchema === null ? [] : schemaErrors(inputSchema)),
  ];
  const [first] = errors;
  if (first !== undefined) {
    throw new AppError(first.code, `${first.pointer} ${first.message}.`, { errors });
  }
}

export async function getEvent(deps: Deps, actor: Actor, eventId: string): Promise<Event> {
  const event = await deps.dispatcherFor(actor.workspaceId).getEvent(eventId);
  if (event === null) {
    throw noEvent(eventId);
  }
  return event;
}

/** Newest first; all of them on one page, because an event has as many versions as it was saved. */
export async function listEventVersions(
  deps: Deps,
  actor: Actor,
  eventId: string,
): Promise<{ readonly items: Event[]; readonly nextCursor: null }> {
  const items = await deps.dispatcherFor(actor.workspaceId).listEventVersions(eventId);
  if (items.length === 0) {
    throw noEvent(eventId);
  }
  return { items: [...items], nextCursor: null };
}

/** Newest first, each with its latest runs. */
export async function listEvents(
  deps: Deps,
  actor: Actor,
  query: PageQuery,
): Promise<{ readonly items: EventSummary[]; readonly nextCursor: string | null }> {
  const after = readCursor(query.cursor);
  const rows = await listEventRows(deps.d1, actor.workspaceId, after, query.limit + 1);
  const page = pageFrom(rows, query.limit, (row) => ({ at: Date.parse(row.createdAt), id: row.id }));
  return { items: [...page.items], nextCursor: page.nextCursor };
}

export function noEvent(eventId: string): AppError {
  return new AppError("not_found", `There is no event ${eventId}.`);
}

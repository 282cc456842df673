/** `/events`: definitions of work, and the trigger of each. */
import {
  BatchAccepted,
  CreateEvent,
  Event,
  EventId,
  EventPage,
  EventVersionPage,
  PageQuery,
  RunAccepted,
  SavedEvent,
  TriggerBatch,
  TriggerRun,
  UpdateEvent,
} from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { createEvent, getEvent, listEvents, listEventVersions, updateEvent } from "../../services/events.ts";
import { causeOf } from "../../services/idempotency.ts";
import { triggerBatch, triggerRun } from "../../services/runs.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { ifMatch } from "../if-match.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";
import { noteTriggered } from "../triggered.ts";

const byId = z.object({ id: EventId });
const body = <T extends z.ZodType>(schema: T) => ({
  content: { "application/json": { schema } },
  required: true,
});

const create = createRoute({
  method: "post",
  path: "/events",
  summary: "Create an event; an Idempotency-Key makes a repeat return the same one",
  middleware: requires("events:write", { repeats: "own" }),
  request: { body: body(CreateEvent) },
  responses: {
    201: jsonAnswer(SavedEvent, "The event"),
    ...problemAnswers("unauthorized", "forbidden", "invalid_value", "invalid_json", "idempotency_mismatch"),
  },
});

const list = createRoute({
  method: "get",
  path: "/events",
  summary: "List events, newest first",
  middleware: requires("events:read"),
  request: { query: PageQuery },
  responses: { 200: jsonAnswer(EventPage, "A page"), ...problemAnswers("unauthorized", "invalid_cursor") },
});

const read = createRoute({
  method: "get",
  path: "/events/{id}",
  summary: "Read one event",
  middleware: requires("events:read"),
  request: { params: byId },
  responses: { 200: jsonAnswer(Event, "The event"), ...problemAnswers("unauthorized", "not_found", "invalid_id") },
});

const update = createRoute({
  method: "patch",
  path: "/events/{id}",
  summary: "Save a new version of an event, based on the version named",
  middleware: requires("events:write", { matches: true }),
  request: { params: byId, body: body(UpdateEvent) },
  responses: {
    200: jsonAnswer(SavedEvent, "The event at its new version"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "version_conflict", "invalid_value"),
  },
});

const versions = createRoute({
  method: "get",
  path: "/events/{id}/versions",
  summary: "List the versions of an event, newest first",
  middleware: requires("events:read"),
  request: { params: byId },
  responses: { 200: jsonAnswer(EventVersionPage, "All versions"), ...problemAnswers("unauthorized", "not_found") },
});

const trigger = createRoute({
  method: "post",
  path: "/events/{id}/runs",
  summary: "Run an event; an Idempotency-Key makes a repeat return the same run",
  middleware: requires("runs:trigger", { repeats: "own", triggers: true }),
  request: { params: byId, body: { ...body(TriggerRun), required: false } },
  responses: {
    202: jsonAnswer(RunAccepted, "The run is stored and will be started"),
    ...problemAnswers(
      "unauthorized",
      "forbidden",
      "not_found",
      "body_too_large",
      "idempotency_mismatch",
      "quota_exceeded",
    ),
  },
});

const batch = createRoute({
  method: "post",
  path: "/events/{id}/runs/batch",
  summary: "Run an event up to 1,000 times, stored in one commit, with one answer for each in order",
  middleware: requires("runs:trigger", { repeats: "own" }),
  request: { params: byId, body: body(TriggerBatch) },
  responses: {
    202: jsonAnswer(BatchAccepted, "The runs are stored and will be started"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "body_too_large", "out_of_range", "quota_exceeded"),
  },
});

/** Below /api/v1. */
export function eventRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(create, async (c) => {
    const { deps, actor } = c.var;
    const cause = causeOf(actor, c.req.header("idempotency-key"), "POST /events", c.get("bodyBytes"));
    return c.json(await createEvent(deps, actOf(c), c.req.valid("json"), cause), 201);
  });
  routes.openapi(list, async (c) => c.json(await listEvents(c.var.deps, c.var.actor, c.req.valid("query")), 200));
  routes.openapi(read, async (c) => {
    const event = await getEvent(c.var.deps, c.var.actor, c.req.valid("param").id);
    return c.json(event, 200, { etag: `"${event.version}"` });
  });
  routes.openapi(update, async (c) => {
    const { id } = c.req.valid("param");
    const change = c.req.valid("json");
    const version = ifMatch(c.req.header("if-match"));
    if (version !== null && version !== change.version) {
      const message = `If-Match names version ${version}, and the change is based on version ${change.version}.`;
      throw new AppError("version_conflict", message);
    }
    const event = await updateEvent(c.var.deps, actOf(c), id, change);
    return c.json(event, 200, { etag: `"${event.version}"` });
  });
  routes.openapi(versions, async (c) =>
    c.json(await listEventVersions(c.var.deps, c.var.actor, c.req.valid("param").id), 200),
  );
  routes.openapi(trigger, async (c) => {
    const { deps, actor } = c.var;
    const { id } = c.req.valid("param");
    // A request without a body runs the event without input.
    const { input, ...options } = TriggerRun.parse(c.req.valid("json") ?? {});
    const operation = `POST /events/${id}/runs`;
    const cause = causeOf(actor, c.req.header("idempotency-key"), operation, c.get("bodyBytes"));
    const accepted = await triggerRun(deps, actor, { kind: "event", eventId: id }, { input, options }, cause);
    return c.json(noteTriggered(c, accepted), 202);
  });
  routes.openapi(batch, async (c) => {
    const { deps, actor } = c.var;
    const { id } = c.req.valid("param");
    const operation = `POST /events/${id}/runs/batch`;
    const cause = causeOf(actor, c.req.header("idempotency-key"), operation, c.get("bodyBytes"));
    return c.json(await triggerBatch(deps, actor, id, c.req.valid("json"), cause), 202);
  });
  return routes;
}

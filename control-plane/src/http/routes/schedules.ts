/** `/schedules`: when events are triggered by the clock. */
import {
  Backfill,
  BackfillId,
  CreateSchedule,
  Lateness,
  OccurrencePage,
  OccurrenceQuery,
  PauseSchedule,
  PreviewSchedule,
  ResumeSchedule,
  Schedule,
  ScheduleId,
  ScheduleListQuery,
  SchedulePage,
  SchedulePreview,
  StartBackfill,
  UpdateSchedule,
  WhyAnswer,
  WhyQuery,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import {
  createSchedule,
  deleteSchedule,
  getBackfill,
  getSchedule,
  listOccurrences,
  listSchedules,
  pauseSchedule,
  previewSchedule,
  readLateness,
  resumeSchedule,
  startBackfill,
  updateSchedule,
  whyNot,
} from "../../services/schedules.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { ifMatch } from "../if-match.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const byId = z.object({ id: ScheduleId });
const body = <T extends z.ZodType>(schema: T, required = true) => ({
  content: { "application/json": { schema } },
  required,
});

const list = createRoute({
  method: "get",
  path: "/schedules",
  summary: "List schedules, those that were made first come first; with eventId, those of an event",
  middleware: requires("schedules:read"),
  request: { query: ScheduleListQuery },
  responses: {
    200: jsonAnswer(SchedulePage, "A page of schedules"),
    ...problemAnswers("unauthorized", "invalid_cursor", "invalid_limit"),
  },
});

const create = createRoute({
  method: "post",
  path: "/schedules",
  summary: "Create a schedule; what can never fire, or too often, is refused",
  middleware: requires("schedules:write"),
  request: { body: body(CreateSchedule) },
  responses: {
    201: jsonAnswer(Schedule, "The schedule"),
    ...problemAnswers(
      "unauthorized",
      "forbidden",
      "not_found",
      "invalid_cron",
      "cron_never_fires",
      "too_frequent",
      "invalid_timezone",
      "quota_exceeded",
    ),
  },
});

const preview = createRoute({
  method: "post",
  path: "/schedules/preview",
  summary: "The next times of a schedule that need not exist, by the function it is fired by",
  middleware: requires("schedules:read", { repeats: "none" }),
  request: { body: body(PreviewSchedule) },
  responses: {
    200: jsonAnswer(SchedulePreview, "Its next times, with what changed clocks do to them"),
    ...problemAnswers(
      "unauthorized",
      "invalid_cron",
      "cron_never_fires",
      "too_frequent",
      "invalid_timezone",
      "out_of_range",
    ),
  },
});

const lateness = createRoute({
  method: "get",
  path: "/schedules/lateness",
  summary: "How late the scheduled runs of the workspace were queued, and started",
  middleware: requires("schedules:read"),
  responses: { 200: jsonAnswer(Lateness, "Percentiles in milliseconds"), ...problemAnswers("unauthorized") },
});

const read = createRoute({
  method: "get",
  path: "/schedules/{id}",
  summary: "Read one schedule; the answer's ETag is its version",
  middleware: requires("schedules:read"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Schedule, "The schedule"),
    ...problemAnswers("unauthorized", "not_found", "invalid_id"),
  },
});

const update = createRoute({
  method: "patch",
  path: "/schedules/{id}",
  summary: "Change a schedule; no time that was decided fires again; If-Match guards against others",
  middleware: requires("schedules:write", { matches: true }),
  request: { params: byId, body: body(UpdateSchedule) },
  responses: {
    200: jsonAnswer(Schedule, "The schedule at its new version"),
    ...problemAnswers(
      "unauthorized",
      "forbidden",
      "not_found",
      "version_conflict",
      "invalid_cron",
      "cron_never_fires",
      "too_frequent",
      "invalid_timezone",
    ),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/schedules/{id}",
  summary: "Delete a schedule; what became of its times stays listed as long as it is kept",
  middleware: requires("schedules:write", { matches: true }),
  request: { params: byId },
  responses: {
    204: { description: "It is gone" },
    ...problemAnswers("unauthorized", "forbidden", "not_found", "version_conflict", "invalid_id"),
  },
});

const pause = createRoute({
  method: "post",
  path: "/schedules/{id}/pause",
  summary: "Fire nothing until it is resumed, or until a time",
  middleware: requires("schedules:pause"),
  request: { params: byId, body: body(PauseSchedule, false) },
  responses: {
    200: jsonAnswer(Schedule, "The schedule"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "out_of_range"),
  },
});

const resume = createRoute({
  method: "post",
  path: "/schedules/{id}/resume",
  summary: "Fire again, and say what becomes of the times that passed meanwhile",
  middleware: requires("schedules:pause"),
  request: { params: byId, body: body(ResumeSchedule, false) },
  responses: {
    200: jsonAnswer(Schedule, "The schedule"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_value"),
  },
});

const occurrences = createRoute({
  method: "get",
  path: "/schedules/{id}/occurrences",
  summary: "What became of each time of a schedule, newest first",
  middleware: requires("schedules:read"),
  request: { params: byId, query: OccurrenceQuery },
  responses: {
    200: jsonAnswer(OccurrencePage, "A page of occurrences"),
    ...problemAnswers("unauthorized", "not_found", "invalid_cursor", "invalid_limit"),
  },
});

const why = createRoute({
  method: "get",
  path: "/schedules/{id}/why",
  summary: "Why it did, or did not, run at a time, whichever that is",
  middleware: requires("schedules:read"),
  request: { params: byId, query: WhyQuery },
  responses: {
    200: jsonAnswer(WhyAnswer, "The answer, with the times around"),
    ...problemAnswers("unauthorized", "not_found", "invalid_value"),
  },
});

const ownLateness = createRoute({
  method: "get",
  path: "/schedules/{id}/lateness",
  summary: "How late the runs of a schedule were queued, and started",
  middleware: requires("schedules:read"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Lateness, "Percentiles in milliseconds"),
    ...problemAnswers("unauthorized", "not_found", "invalid_id"),
  },
});

const backfill = createRoute({
  method: "post",
  path: "/schedules/{id}/backfill",
  summary: "Count the times of the past that a range names, or run them at a rate",
  middleware: requires("runs:trigger"),
  request: { params: byId, body: body(StartBackfill) },
  responses: {
    200: jsonAnswer(Backfill, "With dryRun: how many runs it would be"),
    202: jsonAnswer(Backfill, "It is stored and goes on by itself"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "out_of_range"),
  },
});

const readOneBackfill = createRoute({
  method: "get",
  path: "/backfills/{id}",
  summary: "Read how far a backfill is",
  middleware: requires("schedules:read"),
  request: { params: z.object({ id: BackfillId }) },
  responses: {
    200: jsonAnswer(Backfill, "How far it is"),
    ...problemAnswers("unauthorized", "not_found", "invalid_id"),
  },
});

/** Below /api/v1. */
export function scheduleRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) => c.json(await listSchedules(c.var.deps, c.var.actor, c.req.valid("query")), 200));
  routes.openapi(create, async (c) => {
    const schedule = await createSchedule(c.var.deps, actOf(c), c.req.valid("json"));
    return c.json(schedule, 201, { etag: `"${schedule.version}"` });
  });
  routes.openapi(preview, (c) => c.json(previewSchedule(c.var.deps, c.req.valid("json")), 200));
  routes.openapi(lateness, async (c) => c.json(await readLateness(c.var.deps, c.var.actor, null), 200));
  routes.openapi(read, async (c) => {
    const schedule = await getSchedule(c.var.deps, c.var.actor, c.req.valid("param").id);
    return c.json(schedule, 200, { etag: `"${schedule.version}"` });
  });
  routes.openapi(update, async (c) => {
    const version = ifMatch(c.req.header("if-match"));
    const { id } = c.req.valid("param");
    const schedule = await updateSchedule(c.var.deps, actOf(c), id, c.req.valid("json"), version);
    return c.json(schedule, 200, { etag: `"${schedule.version}"` });
  });
  routes.openapi(remove, async (c) => {
    await deleteSchedule(c.var.deps, actOf(c), c.req.valid("param").id, ifMatch(c.req.header("if-match")));
    return c.body(null, 204);
  });
  routes.openapi(pause, async (c) => {
    // A request without a body pauses for good, and without a note.
    const request = PauseSchedule.parse(c.req.valid("json") ?? {});
    return c.json(await pauseSchedule(c.var.deps, actOf(c), c.req.valid("param").id, request), 200);
  });
  routes.openapi(resume, async (c) => {
    const request = ResumeSchedule.parse(c.req.valid("json") ?? {});
    return c.json(await resumeSchedule(c.var.deps, actOf(c), c.req.valid("param").id, request), 200);
  });
  routes.openapi(occurrences, async (c) => {
    const { id } = c.req.valid("param");
    await getSchedule(c.var.deps, c.var.actor, id);
    return c.json(await listOccurrences(c.var.deps, c.var.actor, { ...c.req.valid("query"), scheduleId: id }), 200);
  });
  routes.openapi(why, async (c) =>
    c.json(await whyNot(c.var.deps, c.var.actor, c.req.valid("param").id, c.req.valid("query").at), 200),
  );
  routes.openapi(ownLateness, async (c) =>
    c.json(await readLateness(c.var.deps, c.var.actor, c.req.valid("param").id), 200),
  );
  routes.openapi(backfill, async (c) => {
    const ask = c.req.valid("json");
    const answer = await startBackfill(c.var.deps, actOf(c), c.req.valid("param").id, ask);
    return c.json(answer, ask.dryRun ? 200 : 202);
  });
  routes.openapi(readOneBackfill, async (c) =>
    c.json(await getBackfill(c.var.deps, c.var.actor, c.req.valid("param").id), 200),
  );
  return routes;
}

/** `cronium schedules`: when events are triggered by the clock, and what became of each of those times. */
import { Backfill, OccurrencePage, SchedulePage, SchedulePreview, WhyAnswer } from "@cronium/protocol/api/schedules";
import { isId } from "@cronium/protocol/ids";
import { Schedule, type Occurrence } from "@cronium/protocol/schedule";
import type { Api } from "../api/client.ts";
import { readPages } from "../api/pages.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { sleep } from "../base/retryable.ts";
import { printFacts, printTable } from "../output/table.ts";
import { ago, span } from "../output/words.ts";
import { type Cli, confirm } from "./context.ts";
import { printPart } from "./print-page.ts";
import { eventId } from "./event-ref.ts";
import { moment } from "./run-filter.ts";
import { segment } from "./runs.ts";
import { scheduleFields } from "./schedule-fields.ts";
import { eventOf } from "./secrets.ts";

const MOST_SCHEDULES = 10_000;
const POLL_MS = 1_000;

export async function listSchedules(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const page = await readPages<Schedule>(api, "/schedules", SchedulePage, {
    limit: input.number("limit", 1, MOST_SCHEDULES) ?? 50,
    cursor: input.text("cursor"),
    query: { eventId: await eventOf(api, input) },
  });
  printPart(cli, page, ["SCHEDULE", "NAME", "EVENT", "STATE", "NEXT"], (schedule) => [
    schedule.id,
    schedule.name,
    schedule.eventName,
    { text: schedule.state, style: schedule.state === "active" ? "green" : "yellow" },
    schedule.nextAt === null ? "-" : `${schedule.nextAt} (${ago(schedule.nextAt, cli.now())})`,
  ]);
}

export async function showSchedule(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  print(cli, await api.json("GET", await pathOf(api, input), Schedule));
}

export async function createSchedule(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const fields = scheduleFields(input);
  const body = {
    ...fields,
    eventId: await eventId(api, input.arg(0)),
    ...(input.flag("paused") ? { enabled: false } : {}),
  };
  const idempotencyKey = input.text("idempotency-key");
  print(
    cli,
    await api.json("POST", "/schedules", Schedule, {
      body,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    }),
  );
}

export async function updateSchedule(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const path = await pathOf(api, input);
  const fields = scheduleFields(input);
  const { catchUp } = fields;
  // Of the catch-up rule a part may be given; the rest stays.
  const old = catchUp === undefined ? null : await api.json("GET", path, Schedule);
  const body = old === null ? fields : { ...fields, catchUp: { ...old.catchUp, ...(catchUp as object) } };
  const ifMatch = input.basedOn() ?? old?.version;
  print(cli, await api.json("PATCH", path, Schedule, { body, ifMatch }));
}

export async function pauseSchedule(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const until = input.text("until");
  const body = { note: input.text("note") ?? "", ...(until === undefined ? {} : { until }) };
  print(cli, await api.json("POST", `${await pathOf(api, input)}/pause`, Schedule, { body }));
}

export async function resumeSchedule(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const max = input.number("max", 1, 100);
  const body = { catchUp: input.text("catch-up") ?? "none", ...(max === undefined ? {} : { max }) };
  print(cli, await api.json("POST", `${await pathOf(api, input)}/resume`, Schedule, { body }));
}

export async function deleteSchedule(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const path = await pathOf(api, input);
  const { version } = await api.json("GET", path, Schedule);
  await confirm(cli, input, `Delete the schedule ${input.arg(0)}?`);
  await api.send("DELETE", path, { ifMatch: version });
  cli.out.say(`Deleted ${input.arg(0)}.`);
}

/** The next times of a schedule, or of one that does not exist yet. */
export async function previewSchedule(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const named = input.maybeArg(0);
  const given = scheduleFields(input);
  const known = named === undefined ? null : await api.json("GET", await pathOf(api, input), Schedule);
  const kept =
    known === null
      ? {}
      : {
          timing: known.timing,
          timezone: known.timezone,
          startAt: known.startAt,
          endAt: known.endAt,
          blackouts: known.blackouts,
        };
  const body = { ...kept, ...given, count: input.number("count", 1, 100) ?? 5 };
  const preview = await api.json("POST", "/schedules/preview", SchedulePreview, { body });
  if (cli.out.json) {
    cli.out.value(preview);
    return;
  }
  cli.out.say(preview.sentence);
  printTable(
    cli.out,
    ["UTC", "LOCAL", "NOTE"],
    preview.fires.map((fire) => [fire.nominalAt, fire.local, fire.note ?? ""]),
  );
  if (preview.clockRule !== null) {
    cli.out.say(preview.clockRule);
  }
}

export async function listOccurrences(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const named = input.maybeArg(0);
  const page = await readPages<Occurrence>(
    api,
    named === undefined ? "/occurrences" : `${await pathOf(api, input)}/occurrences`,
    OccurrencePage,
    {
      limit: input.number("limit", 1, 100_000) ?? 50,
      cursor: input.text("cursor"),
      query: {
        decision: input.text("decision"),
        from: moment(cli, input, "from"),
        to: moment(cli, input, "to"),
      },
    },
  );
  printPart(cli, page, ["TIME", "SCHEDULE", "DECISION", "REASON", "LATE", "RUN"], (one) => [
    one.nominalAt,
    one.scheduleName,
    { text: one.decision, style: one.decision === "run" ? "green" : "yellow" },
    one.message ?? one.reason,
    span(one.latenessMs),
    one.runId ?? "-",
  ]);
}

export async function whySchedule(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const at = moment(cli, input, "at");
  if (at === undefined) {
    throw new ExitError("usage", "schedules why needs --at.", "Give a time, such as --at 2026-11-21T02:00:00Z.");
  }
  const answer = await api.json("GET", `${await pathOf(api, input)}/why`, WhyAnswer, { query: { at } });
  if (cli.out.json) {
    cli.out.value(answer);
    return;
  }
  printFacts(cli.out, [
    [answer.verdict, answer.message],
    ["run", answer.occurrence?.runId ?? null],
    ["time before", answer.before],
    ["time after", answer.after],
  ]);
}

/** Counts first, and asks; then runs what is missing. */
export async function backfillSchedule(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const path = `${await pathOf(api, input)}/backfill`;
  const [from, to] = [moment(cli, input, "from"), moment(cli, input, "to")];
  if (from === undefined || to === undefined) {
    throw new ExitError(
      "usage",
      "schedules backfill needs --from and --to.",
      "Give two times, such as --from 2d --to 1d.",
    );
  }
  const perMinute = input.number("per-minute", 1, 6_000);
  const body = { from, to, onlyMissing: !input.flag("again"), ...(perMinute === undefined ? {} : { perMinute }) };
  const counted = await api.json("POST", path, Backfill, { body: { ...body, dryRun: true } });
  if (input.flag("dry-run") || counted.matched === 0) {
    tell(cli, counted);
    return;
  }
  await confirm(cli, input, `Run ${counted.matched} times from ${counted.first ?? ""} to ${counted.last ?? ""}?`);
  let work = await api.json("POST", path, Backfill, { body: { ...body, dryRun: false } });
  while (input.flag("wait") && work.id !== null && work.state === "running") {
    await sleep(POLL_MS);
    work = await api.json("GET", `/backfills/${segment(work.id)}`, Backfill);
  }
  tell(cli, work);
}

function tell(cli: Cli, work: Backfill): void {
  if (cli.out.json) {
    cli.out.value(work);
    return;
  }
  printFacts(cli.out, [
    ["backfill", work.id],
    ["state", work.state],
    ["runs", `${work.done} of ${work.matched}`],
    ["first", work.first],
    ["last", work.last],
  ]);
}

function print(cli: Cli, schedule: Schedule): void {
  if (cli.out.json) {
    cli.out.value(schedule);
    return;
  }
  const { timing } = schedule;
  const said = timing.kind === "cron" ? timing.pattern : timing.kind === "once" ? timing.at : span(timing.everyMs);
  printFacts(cli.out, [
    ["schedule", schedule.id],
    ["name", schedule.name],
    ["event", `${schedule.eventName} (${schedule.eventId})`],
    ["state", { text: schedule.state, style: schedule.state === "active" ? "green" : "yellow" }],
    ["paused", schedule.pause?.message ?? null],
    ["timing", `${timing.kind} ${said}, ${schedule.timezone}`],
    ["overlap", schedule.overlap],
    ["catch-up", `${schedule.catchUp.mode}, within ${span(schedule.catchUp.windowMs)}`],
    ["next", schedule.nextAt],
    ["version", String(schedule.version)],
  ]);
}

/** By its id, or by its name when only one has it. */
async function pathOf(api: Api, input: Input): Promise<string> {
  const named = input.arg(0);
  if (isId("schedule", named)) {
    return `/schedules/${named}`;
  }
  const ask = { limit: MOST_SCHEDULES, cursor: undefined };
  const { items } = await readPages<Schedule>(api, "/schedules", SchedulePage, ask);
  const found = items.filter(({ name }) => name === named);
  const [only] = found;
  if (only === undefined) {
    const message = `There is no schedule named ${JSON.stringify(named)}.`;
    throw new ExitError("notFound", message, "See cronium schedules list.");
  }
  if (found.length > 1) {
    throw new ExitError(
      "conflict",
      `${found.length} schedules are named ${JSON.stringify(named)}.`,
      `Name one by its id: ${found.map(({ id }) => id).join(", ")}.`,
    );
  }
  return `/schedules/${segment(only.id)}`;
}

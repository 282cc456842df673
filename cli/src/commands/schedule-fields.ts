/** What a schedule is to be, from flags or a file with the fields of the API; flags win. */
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { jsonInput, parseJson, readText } from "./json-input.ts";

type Fields = Readonly<Record<string, unknown>>;

export function scheduleFields(input: Input): Fields {
  const file = input.text("file");
  const given = file === undefined ? {} : parseJson(readText(file), file);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new ExitError(
      "usage",
      `${file ?? ""} holds no JSON object.`,
      'Write the fields of the API, such as {"timing": …}.',
    );
  }
  const named = {
    name: input.text("name"),
    timing: timingOf(input),
    timezone: input.text("timezone"),
    startAt: input.text("start"),
    endAt: input.text("end"),
    jitterMs: input.duration("jitter"),
    overlap: input.text("overlap"),
    catchUp: catchUpOf(input),
    input: jsonInput(input, "input"),
    pauseAfterFailures: input.number("pause-after-failures", 1, 1_000),
  };
  return {
    ...(given as Fields),
    ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)),
  };
}

function timingOf(input: Input): Fields | undefined {
  const [pattern, everyMs, at] = [input.text("cron"), input.duration("every"), input.text("at")];
  const given = [pattern, everyMs, at].filter((value) => value !== undefined);
  if (given.length > 1) {
    throw new ExitError("usage", "More than one of --cron, --every and --at is given.", "Give one of them.");
  }
  if (pattern !== undefined) {
    return { kind: "cron", pattern };
  }
  if (everyMs !== undefined) {
    return { kind: "interval", everyMs };
  }
  return at === undefined ? undefined : { kind: "once", at };
}

function catchUpOf(input: Input): Fields | undefined {
  const mode = input.text("catch-up");
  const max = input.number("catch-up-max", 1, 100);
  const windowMs = input.duration("catch-up-window");
  if (mode === undefined && max === undefined && windowMs === undefined) {
    return undefined;
  }
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(max === undefined ? {} : { max }),
    ...(windowMs === undefined ? {} : { windowMs }),
  };
}

/** Triggers that are gathered into one run. Rules: `domain/debounce.ts`. */
import type { Json } from "@cronium/protocol";
import { debounceMessage, gatherUntil, type Debounce, type Gathering } from "../../domain/debounce.ts";
import type { NewRun } from "../../domain/run.ts";
import { withRev } from "../../domain/run-machine.ts";
import { readRun, writeInput } from "./run-rows.ts";
import { saveStep } from "./runs.ts";
import type { Shell, Turn } from "./shell.ts";

type Gathered =
  /** The trigger belongs to this earlier run. */
  | { readonly kind: "joined"; readonly runId: string }
  /** It makes a run, which others may join. */
  | { readonly kind: "first"; readonly from: NewRun };

export function gather(
  shell: Shell,
  turn: Turn,
  trigger: {
    readonly debounce: Debounce;
    readonly from: NewRun & { readonly eventId: string };
    readonly input: Json;
    /** Triggers with another key gather apart. */
    readonly key: string;
  },
): Gathered {
  const { debounce, from, key } = trigger;
  const open = readGathering(shell, from.eventId, key);
  if (open !== null && open.until > turn.now && join(shell, turn, trigger, open)) {
    writeGathering(shell, from.eventId, key, {
      ...open,
      until: gatherUntil(debounce, open.firstAt, turn.now),
    });
    return { kind: "joined", runId: open.runId };
  }
  const until = gatherUntil(debounce, turn.now, turn.now);
  writeGathering(shell, from.eventId, key, { runId: from.id, firstAt: turn.now, until });
  return { kind: "first", from: debounce.mode === "leading" ? from : { ...from, wait: waitOf(trigger, until) } };
}

/** Whether the earlier run still takes triggers; a trailing one then takes over what the newest one says. */
function join(shell: Shell, turn: Turn, trigger: Parameters<typeof gather>[2], open: Gathering): boolean {
  const { debounce, from, input } = trigger;
  if (debounce.mode === "leading") {
    return true;
  }
  const run = readRun(shell, open.runId);
  if (run?.queueReason !== "debounced" || run.notBefore <= turn.now) {
    return false;
  }
  const wait = waitOf(trigger, gatherUntil(debounce, open.firstAt, turn.now));
  const state = { run, attempt: null };
  const next = {
    ...run,
    notBefore: wait.until,
    message: wait.message,
    priority: from.priority ?? run.priority,
    concurrencyKey: from.concurrencyKey ?? null,
    expiresAt: from.queueTtlMs === null || from.queueTtlMs === undefined ? null : wait.until + from.queueTtlMs,
  };
  saveStep(shell, turn, state, withRev(state, { run: next, attempt: null, reply: { kind: "none" } }));
  writeInput(shell, run.id, input);
  return true;
}

/** A trigger that asks for a later start than the debounce keeps it. */
function waitOf({ debounce, from }: Parameters<typeof gather>[2], until: number): NonNullable<NewRun["wait"]> {
  const start = Math.max(until, from.wait?.until ?? 0);
  return { until: start, queueReason: "debounced", message: debounceMessage(debounce, until) };
}

function readGathering(shell: Shell, eventId: string, key: string): Gathering | null {
  const row = shell.sql
    .exec("SELECT run_id, first_at, until FROM debounces WHERE event_id = ? AND key = ?", eventId, key)
    .toArray()[0];
  return row === undefined
    ? null
    : { runId: row["run_id"] as string, firstAt: row["first_at"] as number, until: row["until"] as number };
}

function writeGathering(shell: Shell, eventId: string, key: string, gathering: Gathering): void {
  shell.sql.exec(
    "INSERT OR REPLACE INTO debounces (event_id, key, run_id, first_at, until) VALUES (?, ?, ?, ?, ?)",
    eventId,
    key,
    gathering.runId,
    gathering.firstAt,
    gathering.until,
  );
}

/** What a job says of itself: condition, name and progress. */
import { ConditionBody, ProgressBody, RunNameBody, type CallOpInput } from "@cronium/protocol";
import { ask, bound, type Call, empty, readFields, refusal } from "./call.ts";
import type { SlotState } from "./slots.ts";

/** Progress is sent on this often at most; what comes in between is replaced by the newest. */
const EVERY_MS = 250;

type Progress = Extract<CallOpInput, { do: "note" }>["progress"];

export async function postCondition(call: Call): Promise<void> {
  const { value } = await readFields(call, ConditionBody);
  await note(call, { do: "note", condition: value });
}

export async function postName(call: Call): Promise<void> {
  const { name } = await readFields(call, RunNameBody);
  await note(call, { do: "note", name });
}

async function note(call: Call, op: Extract<CallOpInput, { do: "note" }>): Promise<void> {
  const answered = await ask(call, op);
  if (!answered.ok) {
    throw refusal(call, answered.error);
  }
  empty(call.response);
}

/** Answered at once: losing one of many costs nobody anything. */
export async function postProgress(call: Call): Promise<void> {
  const progress = await readFields(call, ProgressBody, 8_192);
  bound(call.slot);
  call.slot.progress = progress;
  if (call.slot.progressTimer === null) {
    sendOn(call);
  }
  empty(call.response);
}

function sendOn(call: Call): void {
  const { slot } = call;
  flushProgress(call);
  slot.progressTimer = setTimeout(() => {
    slot.progressTimer = null;
    if (slot.progress !== null && !slot.closed) {
      sendOn(call);
    }
  }, EVERY_MS);
}

/** Sends what waits; also before a job's last words. */
export function flushProgress({ context, slot }: Pick<Call, "context" | "slot">): void {
  const progress: Progress | null = slot.progress;
  slot.progress = null;
  if (progress !== null && slot.bind?.calls === true) {
    // A key of their own would only fill the list of answers that are kept.
    void context.ask(slot.name, "progress", { do: "note", progress });
  }
}

export function stopProgress(slot: SlotState): void {
  if (slot.progressTimer !== null) {
    clearTimeout(slot.progressTimer);
    slot.progressTimer = null;
  }
}

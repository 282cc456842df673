/**
 * The golden story of a log: what a runner sends to the room of its run, and what the room answers. `node
 * simulation/histories/log-story.ts` holds the conversation anew and writes it down, on purpose, with the change of the
 * wire that makes it necessary.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { decodeLogFrame, LogHeader, LogServerMessage, PROTOCOL_VERSION } from "@cronium/protocol";
import * as z from "zod";
import { frameOf, LogRoomHost, type Answer } from "./log-room.ts";

const FILE = join(import.meta.dirname, "..", "..", "protocol", "vectors", "log-histories", "log.json");

const Step = z.strictObject({
  /** For people: what happens here. */
  about: z.string(),
  attempt: z.int(),
  does: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("connect") }),
    z.strictObject({ kind: z.literal("evict") }),
    /** `header` says what is in the bytes. */
    z.strictObject({ kind: z.literal("frame"), header: LogHeader, base64: z.base64() }),
    z.strictObject({ kind: z.literal("text"), text: z.string() }),
  ]),
  /** What the room answers, without the words that are for people. */
  answers: z.array(z.looseObject({ type: z.string() })),
});
export type Step = z.infer<typeof Step>;

const LogHistory = z.strictObject({
  protocol: z.int(),
  steps: z.array(Step),
  /** Frames that are kept in the end, in base64. */
  kept: z.array(z.base64()),
});
export type LogHistory = z.infer<typeof LogHistory>;

export function readLogHistory(): LogHistory {
  return LogHistory.parse(JSON.parse(readFileSync(FILE, "utf8")));
}

/** Says one step to a room; `asRequest` says it over plain HTTP, as a runner that polls does. */
export function say(room: LogRoomHost, { attempt, does }: Pick<Step, "attempt" | "does">, asRequest = false): Answer[] {
  switch (does.kind) {
    case "connect":
      return room.connect(attempt);
    case "evict":
      room.evict();
      return [];
    case "frame":
      return asRequest
        ? room.batch(attempt, [does.base64], null)
        : room.frame(attempt, new Uint8Array(Buffer.from(does.base64, "base64")));
    case "text":
      return asRequest ? room.batch(attempt, [], does.text) : room.text(attempt, does.text);
    default:
      return does satisfies never;
  }
}

/** What counts of the answers: the words of a refusal are for people. */
export function meaningOfAnswers(answers: readonly Answer[]): Step["answers"] {
  return answers.map((answer) => {
    if (answer.type === "close") {
      return answer;
    }
    const { message: _, ...rest } = { message: "", ...LogServerMessage.parse(answer) };
    return rest;
  });
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

function frame(
  about: string,
  header: { attempt: number; seq: number; offset: number; stream?: LogHeader["stream"]; gap?: LogHeader["gap"] },
  payload: Uint8Array,
  sha256?: string,
): Omit<Step, "answers"> {
  const { stream = "stdout", gap, ...place } = header;
  const bytes = frameOf({ ...place, stream, ...(gap === undefined ? {} : { gap }) }, payload, sha256);
  const decoded = decodeLogFrame(bytes);
  if (!decoded.ok) {
    throw new Error(decoded.message);
  }
  const base64 = Buffer.from(bytes).toString("base64");
  return { about, attempt: header.attempt, does: { kind: "frame", header: decoded.frame.header, base64 } };
}

function end(about: string, attempt: number, totalBytes: number, gaps = 0): Omit<Step, "answers"> {
  const message = { type: "end", attempt, totalBytes, gaps, truncated: false };
  return { about, attempt, does: { kind: "text", text: JSON.stringify(message) } };
}

const connect = (about: string, attempt: number): Omit<Step, "answers"> => ({
  about,
  attempt,
  does: { kind: "connect" },
});

const script: readonly Omit<Step, "answers">[] = [
  connect("a first connection goes on at the start", 1),
  frame("the first bytes", { attempt: 1, seq: 0, offset: 0 }, text("hello\n")),
  frame(
    "bytes that are no text, of the other stream",
    { attempt: 1, seq: 1, offset: 6, stream: "stderr" },
    new Uint8Array([0xff, 0xfe, 0x00, 0x80]),
  ),
  frame("the first ones again", { attempt: 1, seq: 0, offset: 0 }, text("hello\n")),
  frame("others in their place", { attempt: 1, seq: 0, offset: 0 }, text("HELLO\n")),
  frame("a hole before the next", { attempt: 1, seq: 3, offset: 20 }, text("late\n")),
  frame("an overlap with what is stored", { attempt: 1, seq: 2, offset: 8 }, text("over\n")),
  frame("bytes that are not what their hash says", { attempt: 1, seq: 2, offset: 10 }, text("torn\n"), "0".repeat(64)),
  connect("the connection broke: where to go on", 1),
  { about: "the room leaves memory", attempt: 1, does: { kind: "evict" } },
  frame(
    "what the runner had to drop is declared",
    { attempt: 1, seq: 2, offset: 10, stream: "system", gap: { bytes: 100, reason: "spool_full" } },
    new Uint8Array(),
  ),
  frame("and the log goes on", { attempt: 1, seq: 3, offset: 10 }, text("after the gap ü\n")),
  end("an end that claims more than there is", 1, 99, 1),
  end("an end that claims less", 1, 10, 1),
  end("the end", 1, 27, 1),
  end("the end again", 1, 27, 1),
  frame("nothing follows an end", { attempt: 1, seq: 4, offset: 27 }, text("more\n")),
  connect("the next attempt begins at the start", 2),
  frame("its first bytes", { attempt: 2, seq: 0, offset: 0 }, text("again\n")),
  frame("a frame of the attempt before", { attempt: 1, seq: 4, offset: 27 }, text("stale\n")),
  connect("the attempt before is closed", 1),
  end("the end of the second attempt", 2, 6),
];

/** Holds the conversation with today's room. */
export function tellLogStory(): LogHistory {
  const room = new LogRoomHost();
  const steps = script.map((step) => ({ ...step, answers: meaningOfAnswers(say(room, step)) }));
  const kept = room.kept().map((bytes) => Buffer.from(bytes).toString("base64"));
  return { protocol: PROTOCOL_VERSION, steps, kept };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(FILE, `${JSON.stringify(tellLogStory(), null, 2)}\n`);
}

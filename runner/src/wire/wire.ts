/** One connection to the control plane's Dispatcher, whatever carries it; `connection.ts` makes one after another. */
import * as z from "zod";
import type { Transport } from "@cronium/protocol";

export interface Wire {
  readonly transport: Transport;
  /** Whether what is sent has a chance to arrive. */
  readonly open: boolean;
  send(text: string): void;
  /** Gives it up as dead. */
  terminate(): void;
  /** Ends it once everything sent before has left. */
  close(): void;
}

export interface WireHandlers {
  message(text: string): void;
  /** The control plane, or something in between, answered with a status instead of a connection; `closed` follows. */
  refused(refusal: Refusal): void;
  /** What keeps it from coming up or going on; `closed` follows unless it is tried again. */
  problem(error: unknown): void;
  /** Called once, with the code of the other end or 1006. */
  closed(code: number, reason: string): void;
}

export interface Refusal {
  readonly status: number;
  /** Code of our own problem answer; null when it came from somebody else. */
  readonly code: string | null;
  /** One sentence. */
  readonly detail: string;
}

const Problem = z.object({ code: z.string(), detail: z.string() });

/** Reads an answer that is not the expected one. */
export function readRefusal(status: number, body: string): Refusal {
  let problem: z.infer<typeof Problem> | undefined;
  try {
    problem = Problem.safeParse(JSON.parse(body)).data;
  } catch {
    // Not ours.
  }
  return { status, code: problem?.code ?? null, detail: problem?.detail ?? `the control plane answered ${status}` };
}

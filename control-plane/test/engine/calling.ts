/** A job that asks, from the runner's side of the control connection. */
import type { AttemptRef, CallOpInput, Json, RunnerMessage, ServerMessage } from "@cronium/protocol";
import { connect, type ConnectOptions, type Connection, type FakeRunner, registerFake } from "./fake-runner.ts";
import type { Plane } from "./plane.ts";

export type Answer = Extract<ServerMessage, { type: "answer" }>;

let last = 0;

/** Sends without waiting; the id to wait for. */
export function sendCall(connection: Connection, ref: AttemptRef, op: CallOpInput, key?: string): number {
  last += 1;
  const frame = { type: "call", id: last, ...ref, key: key ?? `key-${last}`, op };
  connection.send(frame as RunnerMessage);
  return last;
}

export function answerTo(connection: Connection, id: number): Promise<Answer> {
  return connection.next("answer", (message) => message.id === id);
}

export function ask(connection: Connection, ref: AttemptRef, op: CallOpInput, key?: string): Promise<Answer> {
  return answerTo(connection, sendCall(connection, ref, op, key));
}

/** The result's fields; fails when it was refused. */
export async function resultOf(answer: Promise<Answer>): Promise<Readonly<Record<string, Json>>> {
  const { result, error } = await answer;
  if (error !== undefined) {
    throw new Error(`refused: ${error.code} ${error.message}`);
  }
  return (result ?? {}) as Readonly<Record<string, Json>>;
}

export async function codeOf(answer: Promise<Answer>): Promise<string> {
  return (await answer).error?.code ?? "none";
}

export interface Story {
  readonly runner: FakeRunner;
  readonly connection: Connection;
  readonly ref: AttemptRef;
}

/** Lets go of variables whenever it is asked to, as a runner does. */
export function letsGo(connection: Connection): Connection {
  connection.inbox.socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data === "pong" ? "{}" : String(data)) as { type?: string; id?: number };
    if (message.type === "uncache") {
      connection.send({ type: "uncached", id: message.id ?? 0 });
    }
  });
  return connection;
}

/** A runner with one job under way. */
export async function running(
  plane: Plane,
  options: ConnectOptions & {
    readonly eventId?: string;
    readonly labels?: Record<string, string>;
    /** It does not let go of variables by itself. */
    readonly clings?: boolean;
  } = {},
): Promise<Story> {
  const { eventId, labels = {}, clings = false, ...more } = options;
  const runner = await registerFake(plane, { labels });
  const connection = await connect(runner, more);
  if (!clings) {
    letsGo(connection);
  }
  const ref = await startJob(plane, connection, { labels, ...(eventId === undefined ? {} : { eventId }) });
  return { runner, connection, ref };
}

export async function startJob(
  plane: Plane,
  connection: Connection,
  { labels = {}, eventId }: { readonly labels?: Record<string, string>; readonly eventId?: string } = {},
): Promise<AttemptRef> {
  if (eventId === undefined) {
    await plane.trigger({ labels });
  } else {
    await plane.expectJson(202, "POST", `/events/${eventId}/runs`, {});
  }
  const ref = await connection.take();
  connection.send({ type: "started", ...ref });
  return ref;
}

/** Runs whose log is being written, and people who watch it; what is opened here is closed after each test. */
import type { LogServerMessage } from "@cronium/protocol";
import { afterEach } from "vitest";
import { closeAll, connect, type Connection, type LogSocket, makeFrame, openLog, registerFake } from "./fake-runner.ts";
import { type Inbox, openInbox } from "./inbox.ts";
import { makePlane, type Plane, type script } from "./plane.ts";

const sockets: Inbox[] = [];

afterEach(async () => {
  await Promise.all(
    sockets.splice(0).map((inbox) => {
      inbox.socket.close(1000);
      return inbox.closed;
    }),
  );
  await closeAll();
});

export interface Printing {
  readonly plane: Plane;
  readonly connection: Connection;
  readonly runId: string;
  readonly token: string;
  readonly log: LogSocket;
}

/** A run whose first attempt has started, with its log open. `change`: of the event that it is of. */
export async function startPrinting(
  change: Partial<typeof script> & { readonly container?: object } = {},
): Promise<Printing> {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane));
  const runId = await plane.trigger(change);
  const token = await connection.accept(await connection.job());
  connection.send({ type: "started", runId, attempt: 1 });
  const log = await openWriter(runId, token);
  return { plane, connection, runId, token, log };
}

export async function openWriter(runId: string, token: string): Promise<LogSocket> {
  const log = await openLog(runId, token);
  sockets.push(log);
  return log;
}

/** Sends the frame and awaits that everything up to it is durable. */
export async function print(log: LogSocket, seq: number, offset: number, text: string, attempt = 1): Promise<void> {
  log.write(await makeFrame({ attempt, seq, offset }, text));
  await log.text<Extract<LogServerMessage, { type: "ack" }>>("ack", (ack) => ack.seq === seq + 1);
}

/** `query`: with its question mark. */
export async function watch(
  { plane, runId }: { readonly plane: Plane; readonly runId: string },
  query = "",
): Promise<Inbox> {
  const inbox = openInbox(await plane.call("GET", `/runs/${runId}/live${query}`, undefined, { upgrade: "websocket" }));
  sockets.push(inbox);
  return inbox;
}

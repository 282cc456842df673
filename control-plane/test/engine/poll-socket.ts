/** A polling session of a runner in the shape of a socket, so that stories are told once for both transports. */
import { exports } from "cloudflare:workers";
import { PROTOCOL_VERSION } from "@cronium/protocol";
import { PollInbox, PollOutbox, type PollAnswer, type PollRequest } from "@cronium/protocol/poll";
import { ORIGIN } from "./plane.ts";

export function postPoll(request: Partial<PollRequest>, headers: Record<string, string> = {}): Promise<Response> {
  const body = { protocol: PROTOCOL_VERSION, session: null, ack: 0, from: 1, frames: [], leave: false, ...request };
  return exports.default.fetch(
    new Request(`${ORIGIN}/api/v1/runner/poll`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    }),
  );
}

/** Polls until it is closed. */
export function openPolls(runnerId: string): WebSocket {
  const events = new EventTarget();
  const inbox = new PollInbox();
  const outbox = new PollOutbox();
  let session: string | null = null;
  let sending: Promise<void> | null = null;
  let closed = false;
  const closeWith = (code: number, reason: string): void => {
    if (!closed) {
      closed = true;
      events.dispatchEvent(new CloseEvent("close", { code, reason }));
    }
  };
  const exchange = async (request: Partial<PollRequest>): Promise<void> => {
    const response = await postPoll({ runnerId, session, ack: inbox.ack, ...request });
    if (response.status !== 200) {
      const problem = await response.json<{ code: string }>();
      closeWith(problem.code === "runner_revoked" ? 4403 : 1006, problem.code);
      return;
    }
    const answer = await response.json<PollAnswer>();
    session = answer.session;
    outbox.acknowledge(answer.ack);
    for (const data of inbox.take(answer) ?? []) {
      // Answers to the renewals that stand in for pings.
      if (!data.startsWith('{"type":"renewed","id":0,')) {
        events.dispatchEvent(new MessageEvent("message", { data }));
      }
    }
    if (answer.close !== null) {
      closeWith(answer.close.code, answer.close.reason);
    }
  };
  const flush = async (): Promise<void> => {
    while (outbox.waiting && !closed) {
      await exchange(outbox.batch());
    }
    sending = null;
  };
  const run = async (): Promise<void> => {
    while (!closed) {
      await exchange({});
    }
  };
  void run();
  return {
    addEventListener: events.addEventListener.bind(events),
    send: (text: string) => {
      if (!closed) {
        outbox.add(text);
        sending ??= flush();
      }
    },
    close: (code: number, reason: string) => {
      void (sending ?? Promise.resolve()).then(async () => {
        await exchange({ leave: true });
        closeWith(code, reason);
      });
    },
  } as unknown as WebSocket;
}

/**
 * Polling sessions: runners whose network lets no WebSocket through (`protocol/src/poll.ts` has the contract). Each
 * request is one of three: it opens a session, hands frames over, or waits for frames. The frames go the way of those
 * of a socket; an answer leaves only after what it acknowledges is committed.
 */
import { POLL_HOLD_MS, type PollAnswer } from "@cronium/protocol/poll";
import { closeCodes } from "@cronium/protocol/runner";
import type { PollCommand } from "../../domain/dispatcher.ts";
import { frameWork, onRunnerFrame } from "./frames.ts";
import type { GroupCommit } from "./group-commit.ts";
import { challenge, runnerGone } from "./handshake.ts";
import { PollLink } from "./poll-link.ts";
import { unreachableAfterMs } from "./runners.ts";
import type { Shell } from "./shell.ts";

/** Sessions of one runner at a time; a stranger who opens more ends the oldest of them that have proved nothing. */
const MOST_PER_RUNNER = 16;

export async function poll(shell: Shell, group: GroupCommit, command: PollCommand): Promise<PollAnswer> {
  forgetSilent(shell);
  const { session, publicKey } = command;
  const link = publicKey === null ? known(shell, command) : open(shell, group, command, publicKey);
  if (link === null) {
    const close = { code: closeCodes.sessionGone, reason: "The session is not known here. Open another." };
    return { session, ack: 0, from: 1, frames: [], close };
  }
  link.heardAt = shell.deps.clock.now();
  link.acknowledge(command.ack);
  if (publicKey !== null || command.frames.length > 0 || command.leave) {
    await link.corked(() => take(shell, group, link, command));
  } else {
    await link.held(POLL_HOLD_MS);
  }
  return link.answer(session);
}

/** Ends sessions whose runner has not been heard of for long; also forgets those that are over. */
export function forgetSilent(shell: Shell): void {
  const limit = shell.deps.clock.now() - sessionMs(shell);
  for (const link of shell.polls.values()) {
    if (link.heardAt <= limit) {
      shell.polls.delete(link.session);
      link.close(closeCodes.sessionGone, "not heard of for too long");
      runnerGone(shell, link);
    }
  }
}

/** Its runner is unreachable for as long again before the session ends. */
function sessionMs(shell: Shell): number {
  return unreachableAfterMs(shell) * 2;
}

function known(shell: Shell, { session, runnerId }: PollCommand): PollLink | null {
  const link = shell.polls.get(session);
  return link?.runnerId === runnerId ? link : null;
}

function open(shell: Shell, group: GroupCommit, { session, runnerId }: PollCommand, publicKey: string): PollLink {
  const others = [...shell.polls.values()].filter((one) => one.runnerId === runnerId);
  const unproved = others.filter((one) => (one.deserializeAttachment() as { stage?: string }).stage !== "ready");
  if (others.length >= MOST_PER_RUNNER && unproved[0] !== undefined) {
    shell.polls.delete(unproved[0].session);
  }
  const link = new PollLink(session, runnerId, shell.deps.clock.now(), (closed) => {
    group.flush();
    runnerGone(shell, closed);
  });
  shell.polls.set(session, link);
  challenge(shell, link, { runnerId, publicKey });
  return link;
}

async function take(shell: Shell, group: GroupCommit, link: PollLink, command: PollCommand): Promise<void> {
  if (link.readyState !== WebSocket.OPEN) {
    return;
  }
  const fresh = link.inbox.take(command);
  if (fresh === null) {
    link.close(1008, `frame ${link.inbox.ack + 1} is missing`);
    return;
  }
  for (const text of fresh) {
    // A frame that is refused ends the session, and what follows it with it.
    if (link.readyState !== WebSocket.OPEN) {
      return;
    }
    await onRunnerFrame(shell, link, text, (frame) => group.frame(frameWork(shell, frame)));
  }
  group.flush();
  if (command.leave) {
    link.close(1000, "left");
  }
}

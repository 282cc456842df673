/**
 * Mail through a service that takes it as JSON over HTTPS: `POST {from, to: [address], subject, text}` with a bearer
 * token, any 2xx for an answer. Resend takes this very form; a small relay in front of an SMTP server can.
 */
import type { Mail, Mailer } from "../domain/ports.ts";
import { guardedFetch, type OutboundDeps, type OutboundFailure } from "./guarded-fetch.ts";

export interface MailService {
  readonly url: string;
  readonly token: string;
  /** Such as `Cronium <cronium@example.org>`. */
  readonly from: string;
  /** Where people open this installation, without a slash at the end. */
  readonly publicUrl: string;
}

const DEADLINE_MS = 15_000;
const TRIES = 3;
const PAUSE_MS = 500;
const PASSING: ReadonlySet<OutboundFailure> = new Set(["timed_out", "unreachable", "unknown_host"]);

/** A message that the service does not take goes to `fallback`. */
export function mailService(outbound: OutboundDeps, service: MailService, fallback: Mailer | null): Mailer {
  return {
    sends: true,
    async deliver(mail) {
      const refusal = await send(outbound, service, mail);
      if (refusal === null) {
        return;
      }
      if (fallback === null) {
        throw new Error(`the mail service did not take a message: ${refusal}`);
      }
      await fallback.deliver(mail);
      throw new Error(`the mail service did not take a message, which is among the messages now: ${refusal}`);
    },
  };
}

/** Null when it was taken; else why not. Only what may pass is tried again. */
async function send(outbound: OutboundDeps, service: MailService, mail: Mail): Promise<string | null> {
  let why = "";
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const answer = await guardedFetch(outbound, {
      url: service.url,
      method: "POST",
      headers: { authorization: `Bearer ${service.token}`, "content-type": "application/json" },
      body: JSON.stringify({
        from: service.from,
        to: [mail.to],
        subject: mail.subject,
        text: `${mail.text}\n\n${service.publicUrl}${mail.path}\n`,
      }),
      timeoutMs: DEADLINE_MS,
    });
    if (!answer.ok) {
      why = `${answer.reason}: ${answer.message}`;
      if (!PASSING.has(answer.reason)) {
        return why;
      }
    } else if (answer.status >= 200 && answer.status < 300) {
      return null;
    } else {
      why = `status ${answer.status}`;
      if (answer.status < 500 && answer.status !== 429) {
        return why;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
  }
  return why;
}

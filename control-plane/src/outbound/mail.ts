/**
 * Mail through a service that takes it as JSON over HTTPS: `POST {from, to: [address], subject, text}` with a bearer
 * token, any 2xx for an answer, which is the form of Resend; or by SMTP to a mail server.
 */
import { mailbox, mailText } from "../domain/mail-message.ts";
import type { Clock, Ids, Mail, Mailer } from "../domain/ports.ts";
import type { SmtpServer } from "../domain/smtp-server.ts";
import { guardedFetch, type OutboundDeps, type OutboundFailure } from "./guarded-fetch.ts";
import { type MailConnect, SmtpError, submit } from "./smtp.ts";

export interface MailService {
  readonly url: string;
  readonly token: string;
  /** Such as `Cronium <cronium@example.org>`. */
  readonly from: string;
  /** Where people open this installation, without a slash at the end. */
  readonly publicUrl: string;
}

const DEADLINE_MS = 15_000;
/** Some servers greet late on purpose. */
const SMTP_DEADLINE_MS = 30_000;
const TRIES = 3;
const PAUSE_MS = 500;
const PASSING: ReadonlySet<OutboundFailure> = new Set(["timed_out", "unreachable", "unknown_host"]);

/** Why one try failed. `isPassing`: another one may help. */
interface Refusal {
  readonly why: string;
  readonly isPassing: boolean;
}

/** A message that the service does not take goes to `fallback`. */
export function mailService(outbound: OutboundDeps, service: MailService, fallback: Mailer | null): Mailer {
  return trying((mail) => post(outbound, service, mail), fallback);
}

export interface MailServer {
  readonly server: SmtpServer;
  readonly password: string;
  readonly from: string;
  readonly publicUrl: string;
}

/** The same by SMTP. */
export function mailServer(
  { connect, clock, ids }: { readonly connect: MailConnect; readonly clock: Clock; readonly ids: Ids },
  { server, password, from, publicUrl }: MailServer,
  fallback: Mailer | null,
): Mailer {
  return trying(async (mail) => {
    try {
      const nonce = [...ids.random(16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      const text = textOf(mail, publicUrl);
      await submit(connect, {
        server,
        password,
        clientName: new URL(publicUrl).hostname,
        from: mailbox(from)?.address ?? from,
        to: mail.to,
        data: mailText({ from, to: mail.to, subject: mail.subject, text, at: clock.now(), nonce }),
        timeoutMs: SMTP_DEADLINE_MS,
      });
      return null;
    } catch (error) {
      return {
        why: error instanceof Error ? error.message : "unknown",
        isPassing: error instanceof SmtpError && error.isPassing,
      };
    }
  }, fallback);
}

function textOf(mail: Mail, publicUrl: string): string {
  return `${mail.text}\n\n${publicUrl}${mail.path}\n`;
}

function trying(once: (mail: Mail) => Promise<Refusal | null>, fallback: Mailer | null): Mailer {
  return {
    sends: true,
    async deliver(mail) {
      const refusal = await send(once, mail);
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
async function send(once: (mail: Mail) => Promise<Refusal | null>, mail: Mail): Promise<string | null> {
  for (let attempt = 1; ; attempt += 1) {
    const refusal = await once(mail);
    if (refusal === null) {
      return null;
    }
    if (!refusal.isPassing || attempt === TRIES) {
      return refusal.why;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
  }
}

async function post(outbound: OutboundDeps, service: MailService, mail: Mail): Promise<Refusal | null> {
  const answer = await guardedFetch(outbound, {
    url: service.url,
    method: "POST",
    headers: { authorization: `Bearer ${service.token}`, "content-type": "application/json" },
    body: JSON.stringify({
      from: service.from,
      to: [mail.to],
      subject: mail.subject,
      text: textOf(mail, service.publicUrl),
    }),
    timeoutMs: DEADLINE_MS,
  });
  if (!answer.ok) {
    return { why: `${answer.reason}: ${answer.message}`, isPassing: PASSING.has(answer.reason) };
  }
  return answer.status >= 200 && answer.status < 300
    ? null
    : { why: `status ${answer.status}`, isPassing: answer.status >= 500 || answer.status === 429 };
}

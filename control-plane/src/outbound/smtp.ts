/**
 * Hands one message to a mail server by SMTP submission (RFC 5321, 3207, 4954): greeting, EHLO, STARTTLS and EHLO
 * again, AUTH, MAIL, RCPT, DATA. Certificates are checked by the runtime below; a server that offers no encryption gets
 * neither password nor message.
 */
import { base64 } from "../domain/mail-message.ts";
import type { SmtpServer } from "../domain/smtp-server.ts";

/** As much of a socket of `cloudflare:sockets` as is needed here. */
export interface MailSocket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  startTls(): MailSocket;
  close(): Promise<void>;
}

export type MailConnect = (
  address: { readonly hostname: string; readonly port: number },
  options: { readonly secureTransport: "off" | "on" | "starttls"; readonly allowHalfOpen: false },
) => MailSocket;

export interface Submission {
  readonly server: SmtpServer;
  readonly password: string;
  /** What this client calls itself. */
  readonly clientName: string;
  readonly from: string;
  readonly to: string;
  /** With CRLF at the end of each line, and no line that begins with a dot. */
  readonly data: string;
  /** For everything together, in milliseconds. */
  readonly timeoutMs: number;
}

/** `isPassing`: another try may help, as after a 4xx reply or a lost connection. */
export class SmtpError extends Error {
  readonly isPassing: boolean;

  constructor(message: string, isPassing: boolean, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = "SmtpError";
    this.isPassing = isPassing;
  }
}

const LONGEST_REPLY = 65_536;
const TRANSPORTS = { start: "starttls", direct: "on", none: "off" } as const satisfies Record<
  SmtpServer["tls"],
  string
>;

/** Throws `SmtpError`. */
export async function submit(connect: MailConnect, submission: Submission): Promise<void> {
  const { server, timeoutMs } = submission;
  let talk: Talk | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SmtpError(`no end within ${timeoutMs} ms`, true)), timeoutMs);
  });
  try {
    talk = new Talk(
      connect(
        { hostname: server.host, port: server.port },
        { secureTransport: TRANSPORTS[server.tls], allowHalfOpen: false },
      ),
    );
    const work = converse(talk, submission);
    // Whoever lost the race against the clock is of no interest any more.
    work.catch(() => undefined);
    await Promise.race([work, late]);
  } catch (error) {
    throw error instanceof SmtpError
      ? error
      : new SmtpError(`the mail server could not be reached (${nameOf(error)})`, true, { cause: error });
  } finally {
    clearTimeout(timer);
    await talk?.close();
  }
}

async function converse(talk: Talk, { server, password, clientName, from, to, data }: Submission): Promise<void> {
  await talk.expect("the greeting", 220);
  let offers = await talk.say(`EHLO ${clientName}`, "EHLO", 250);
  if (server.tls === "start") {
    if (!offers.some((line) => /^STARTTLS$/i.test(line))) {
      throw new SmtpError("the mail server offers no STARTTLS, and nothing is sent in the clear", false);
    }
    await talk.say("STARTTLS", "STARTTLS", 220);
    talk.startTls();
    offers = await talk.say(`EHLO ${clientName}`, "EHLO", 250);
  }
  if (server.user !== null) {
    await signIn(talk, offers, server.user, password);
  }
  await talk.say(`MAIL FROM:<${from}>`, "MAIL", 250);
  await talk.say(`RCPT TO:<${to}>`, "RCPT", 250, 251);
  await talk.say("DATA", "DATA", 354);
  await talk.say(`${data}.`, "the message", 250);
  // It has the message: how it says good-bye is of no interest.
  await talk.say("QUIT", "QUIT", 221).catch(() => undefined);
}

async function signIn(talk: Talk, offers: readonly string[], user: string, password: string): Promise<void> {
  const ways =
    offers
      .find((line) => /^AUTH[ =]/i.test(line))
      ?.toUpperCase()
      .split(/[ =]+/) ?? [];
  if (ways.includes("PLAIN")) {
    await talk.say(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}`, "the sign-in", 235);
  } else if (ways.includes("LOGIN")) {
    await talk.say("AUTH LOGIN", "the sign-in", 334);
    await talk.say(base64(user), "the sign-in", 334);
    await talk.say(base64(password), "the sign-in", 235);
  } else {
    throw new SmtpError(`the mail server offers no sign-in by password (${ways.slice(1).join(" ") || "none"})`, false);
  }
}

/** One command at a time, and its whole reply. */
class Talk {
  #socket: MailSocket;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #unread = "";

  constructor(socket: MailSocket) {
    this.#socket = socket;
    this.#reader = this.#socket.readable.getReader();
    this.#writer = this.#socket.writable.getWriter();
  }

  /** What is said here never shows in an error: it may be a password. */
  async say(line: string, what: string, ...codes: readonly number[]): Promise<readonly string[]> {
    await this.#writer.write(new TextEncoder().encode(`${line}\r\n`));
    return this.expect(what, ...codes);
  }

  /** The lines of a reply with one of these codes, without the code. */
  async expect(what: string, ...codes: readonly number[]): Promise<readonly string[]> {
    const lines: string[] = [];
    for (let size = 0; size < LONGEST_REPLY;) {
      const line = await this.#line();
      size += line.length;
      const [, code = "", more = "", text = ""] = /^(\d{3})([ -]?)(.*)$/.exec(line) ?? [];
      lines.push(text.trim());
      if (code === "") {
        throw new SmtpError("what answers there is no mail server", false);
      }
      if (more !== "-") {
        if (codes.includes(Number(code))) {
          return lines;
        }
        const said = lines
          .join(" ")
          .replaceAll(/[\u0000-\u001f\u007f]/g, " ")
          .slice(0, 200);
        throw new SmtpError(`the mail server answered ${code} to ${what}: ${said}`, code.startsWith("4"));
      }
    }
    throw new SmtpError(`the reply to ${what} is longer than ${LONGEST_REPLY} characters`, false);
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#unread.indexOf("\n");
      if (end !== -1) {
        const line = this.#unread.slice(0, end).replace(/\r$/, "");
        this.#unread = this.#unread.slice(end + 1);
        return line;
      }
      if (this.#unread.length > LONGEST_REPLY) {
        throw new SmtpError("what answers there is no mail server", false);
      }
      const { value, done } = await this.#reader.read();
      if (done) {
        throw new SmtpError("the mail server closed the connection", true);
      }
      this.#unread += new TextDecoder().decode(value);
    }
  }

  startTls(): void {
    // Said in the clear, before anybody could know who says it.
    if (this.#unread !== "") {
      throw new SmtpError("the mail server went on talking after STARTTLS", false);
    }
    this.#reader.releaseLock();
    this.#writer.releaseLock();
    this.#socket = this.#socket.startTls();
    this.#reader = this.#socket.readable.getReader();
    this.#writer = this.#socket.writable.getWriter();
  }

  async close(): Promise<void> {
    await this.#socket.close().catch(() => undefined);
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : "unknown";
}

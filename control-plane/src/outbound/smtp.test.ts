import { test } from "vitest";
import { type MailConnect, type MailSocket, SmtpError, submit, type Submission } from "./smtp.ts";

interface Scripted {
  readonly connect: MailConnect;
  /** All that the server was sent, line by line; what went over TLS begins with "tls ". */
  readonly heard: string[];
}

/** A server that answers each line by the first rule whose beginning fits; "" says nothing. */
function scripted(greeting: string, rules: Readonly<Record<string, string>>): Scripted {
  const heard: string[] = [];
  const socket = (prefix: string, first: string): MailSocket => {
    const answers = new TransformStream<Uint8Array, Uint8Array>();
    const answer = answers.writable.getWriter();
    const say = (text: string): void => {
      void answer.write(new TextEncoder().encode(text)).catch(() => undefined);
    };
    if (first !== "") {
      say(first);
    }
    const writable = new WritableStream<Uint8Array>({
      write(chunk) {
        for (const line of new TextDecoder().decode(chunk).split("\r\n").slice(0, -1)) {
          heard.push(prefix + line);
          const [, reply = ""] = Object.entries(rules).find(([start]) => (prefix + line).startsWith(start)) ?? [];
          if (reply === "hang up") {
            void answer.close().catch(() => undefined);
          } else if (reply !== "") {
            say(`${reply}\r\n`);
          }
        }
      },
    });
    return {
      readable: answers.readable,
      writable,
      startTls: () => socket("tls ", ""),
      close: () => answer.close(),
    };
  };
  return { connect: () => socket("", greeting), heard };
}

const STANDARD = {
  EHLO: "250-mail\r\n250-SIZE 1000\r\n250 STARTTLS",
  STARTTLS: "220 go",
  "tls EHLO": "250-mail\r\n250 AUTH PLAIN LOGIN",
  "tls AUTH": "235 ok",
  "tls MAIL": "250 ok",
  "tls RCPT": "250 ok",
  "tls DATA": "354 go",
  "tls .": "250 taken",
  "tls QUIT": "221 bye",
};
const submission: Submission = {
  server: { host: "mail.example.org", port: 587, tls: "start", user: "ada" },
  password: "s3cret w\u00f6rd",
  clientName: "cronium.example.org",
  from: "cronium@example.org",
  to: "ada@example.org",
  data: "Subject: Hello\r\n\r\nSGVsbG8=\r\n",
  timeoutMs: 60_000,
};

async function failure(connect: MailConnect, change: Partial<Submission> = {}): Promise<SmtpError> {
  const thrown: unknown = await submit(connect, { ...submission, ...change }).catch((error: unknown) => error);
  if (!(thrown instanceof SmtpError)) {
    throw new Error("it was sent");
  }
  return thrown;
}

test("a message goes out encrypted, after a sign-in, with its end on a line of its own", async ({ expect }) => {
  const { connect, heard } = scripted("220-mail\r\n220 ready\r\n", STANDARD);
  await submit(connect, submission);
  expect(heard.slice(0, 3)).toEqual(["EHLO cronium.example.org", "STARTTLS", "tls EHLO cronium.example.org"]);
  expect(heard[3]).toBe(`tls AUTH PLAIN ${Buffer.from("\0ada\0s3cret w\u00f6rd").toString("base64")}`);
  expect(heard.slice(4)).toEqual([
    "tls MAIL FROM:<cronium@example.org>",
    "tls RCPT TO:<ada@example.org>",
    "tls DATA",
    ...["tls Subject: Hello", "tls ", "tls SGVsbG8=", "tls ."],
    "tls QUIT",
  ]);
});

test("where only LOGIN is offered, that is used; without a user nobody signs in", async ({ expect }) => {
  const rules = { "tls EHLO": "250 AUTH=LOGIN", "tls AUTH LOGIN": "334 user", "tls YWRh": "334 password" };
  const password = Buffer.from(submission.password).toString("base64");
  const login = scripted("220 hi\r\n", { ...rules, [`tls ${password}`]: "235 ok", ...STANDARD, ...rules });
  await submit(login.connect, submission);
  expect(login.heard).toContain("tls YWRh");
  const open = scripted("220 hi\r\n", STANDARD);
  await submit(open.connect, { ...submission, server: { ...submission.server, user: null } });
  expect(open.heard.join()).not.toContain("AUTH");
});

test("T13 a server without STARTTLS, or one that talks on after it, gets neither password nor message", async ({
  expect,
}) => {
  const bare = scripted("220 hi\r\n", { ...STANDARD, EHLO: "250 AUTH PLAIN" });
  expect(await failure(bare.connect)).toMatchObject({ isPassing: false, message: expect.stringContaining("STARTTLS") });
  expect(bare.heard).toEqual(["EHLO cronium.example.org"]);
  const injected = scripted("220 hi\r\n", { ...STANDARD, STARTTLS: "220 go\r\n250 AUTH PLAIN" });
  expect((await failure(injected.connect)).message).toContain("went on talking");
  expect(injected.heard.join()).not.toContain("tls");
});

test("what may pass is told from what will not, and no error holds the password", async ({ expect }) => {
  const cases: readonly [rules: Record<string, string>, isPassing: boolean, says: RegExp][] = [
    [{ "tls AUTH": "535 5.7.8 no such user" }, false, /535 to the sign-in: 5\.7\.8 no such user/],
    [{ "tls EHLO": "250 AUTH XOAUTH2" }, false, /no sign-in by password \(XOAUTH2\)/],
    [{ "tls RCPT": "450-later\r\n450 greylisted" }, true, /450 to RCPT: later greylisted/],
    [{ "tls RCPT": "550 nobody\u001b[31m" }, false, /550 to RCPT: nobody \[31m/],
    [{ "tls .": "552 too large" }, false, /552 to the message/],
    [{ "tls DATA": "hang up" }, true, /closed the connection/],
    [{ EHLO: "HTTP/1.1 400 Bad Request" }, false, /no mail server/],
  ];
  for (const [rules, isPassing, says] of cases) {
    const error = await failure(scripted("220 hi\r\n", { ...STANDARD, ...rules }).connect);
    expect([error.isPassing, error.message], JSON.stringify(rules)).toEqual([isPassing, expect.stringMatching(says)]);
    expect(error.message).not.toContain("s3cret");
  }
});

test("a server that says nothing, or nothing that ends, is given up", async ({ expect }) => {
  expect(await failure(scripted("", STANDARD).connect, { timeoutMs: 50 })).toMatchObject({
    isPassing: true,
    message: "no end within 50 ms",
  });
  const endless = scripted(`220-${"x".repeat(100)}\r\n`.repeat(2_000), STANDARD);
  expect((await failure(endless.connect)).message).toContain("longer than");
  const refused = failure(() => {
    throw new Error("connection refused");
  });
  expect(await refused).toMatchObject({ isPassing: true, message: expect.stringContaining("connection refused") });
});

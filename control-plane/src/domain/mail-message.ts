/** One message as mail servers carry it (RFC 5322): plain text, encoded so that no line of it can be taken for a command. */

export interface MailMessage {
  /** An address alone, or `Name <address>`. */
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What makes its id its own. */
  readonly nonce: string;
}

const LINE = 76;

/** Of `Cronium <cronium@example.org>` or an address alone; null for what is neither. */
export function mailbox(text: string): { readonly name: string; readonly address: string } | null {
  const [, quoted = "", bracketed] = /^([^<>\r\n]*)<([^<>]*)>$/.exec(text.trim()) ?? [];
  const address = bracketed ?? text.trim();
  const name = quoted.trim().replace(/^"(.*)"$/, "$1");
  return isAddress(address) ? { name, address } : null;
}

/** Nothing that could end a command or begin another one. */
export function isAddress(text: string): boolean {
  return /^[^\s<>@,;:"\\()[\]]{1,64}@[^\s<>@,;:"\\()[\]]{1,255}$/u.test(text);
}

/** Lines end with CRLF; the last one too. */
export function mailText({ from, to, subject, text, at, nonce }: MailMessage): string {
  const sender = mailbox(from);
  if (sender === null || !isAddress(to)) {
    throw new Error("the sender or the receiver is no mail address");
  }
  const domain = sender.address.split("@")[1] ?? "localhost";
  const headers = [
    `From: ${sender.name === "" ? "" : `${words(sender.name)} `}<${sender.address}>`,
    `To: <${to}>`,
    `Subject: ${words(subject)}`,
    `Date: ${new Date(at).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${nonce}@${domain}>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    // Answering machines leave it alone.
    "Auto-Submitted: auto-generated",
  ];
  const body = base64(text.replaceAll(/\r?\n/g, "\r\n")).match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return `${[...headers, "", ...body].join("\r\n")}\r\n`;
}

/** Words of a header as encoded words (RFC 2047), each of whole characters and at most 75 long. */
function words(text: string): string {
  const clean = text.replaceAll(/\s+/g, " ");
  if (/^[A-Za-z0-9 !#$%&'*+/=?^_`{|}~.-]{1,60}$/.test(clean) && !clean.includes("=?")) {
    return clean.includes(".") ? `"${clean}"` : clean;
  }
  const pieces: string[] = [""];
  for (const character of clean) {
    const last = pieces.at(-1) ?? "";
    if (new TextEncoder().encode(last + character).length > 42) {
      pieces.push(character);
    } else {
      pieces[pieces.length - 1] = last + character;
    }
  }
  return pieces.map((piece) => `=?utf-8?B?${base64(piece)}?=`).join("\r\n ");
}

export function base64(text: string): string {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}

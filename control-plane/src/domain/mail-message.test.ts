import { test } from "vitest";
import { isAddress, mailbox, mailText } from "./mail-message.ts";

const message = {
  from: "Cronium <cronium@example.org>",
  to: "ada@example.org",
  subject: "A new password",
  text: "Open this link.\n\nhttps://c.example/link#token=x\n",
  at: Date.UTC(2026, 10, 21, 9, 8, 7),
  nonce: "abc",
};

test("a message is a whole one, and its text comes back as it was", ({ expect }) => {
  const text = mailText({ ...message, text: `${"Zeile f\u00fcr Zeile. ".repeat(30)}\n.\n` });
  const [head = "", body = ""] = text.split("\r\n\r\n");
  expect(head.split("\r\n")).toEqual([
    "From: Cronium <cronium@example.org>",
    "To: <ada@example.org>",
    "Subject: A new password",
    "Date: Sat, 21 Nov 2026 09:08:07 +0000",
    "Message-ID: <abc@example.org>",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "Auto-Submitted: auto-generated",
  ]);
  expect(text.endsWith("\r\n")).toBe(true);
  expect(body.split("\r\n").every((line) => line.length <= 76 && !line.startsWith("."))).toBe(true);
  expect(Buffer.from(body, "base64").toString()).toBe(`${"Zeile f\u00fcr Zeile. ".repeat(30)}\r\n.\r\n`);
});

test("B25 words of any kind stay within their header, in pieces that mail programs read", ({ expect }) => {
  const subject = `Invitation to Caf\u00e9 \u{1f4e6}\r\nBcc: eve@example.org =?utf-8?B?eA==?= ${"\u00e4".repeat(60)}`;
  const head = mailText({ ...message, from: "B\u00f6b <b@example.org>", subject }).split("\r\n\r\n")[0] ?? "";
  expect(head).not.toMatch(/^Bcc/m);
  const lines = head.split("\r\n").filter((line) => line.includes("=?utf-8?B?"));
  expect(lines.every((line) => (/=\?utf-8\?B\?[^?]*\?=/.exec(line)?.[0].length ?? 99) <= 75)).toBe(true);
  const [, coded = ""] = /^Subject: (.*(?:\r\n .*)*)/m.exec(head) ?? [];
  const read = [...coded.matchAll(/=\?utf-8\?B\?([^?]*)\?=/g)].map(([, piece = ""]) => Buffer.from(piece, "base64"));
  expect(Buffer.concat(read).toString()).toBe(subject.replaceAll(/\s+/g, " "));
  expect(head).toContain(`From: =?utf-8?B?${Buffer.from("B\u00f6b").toString("base64")}?= <b@example.org>`);
});

test("B25 nothing but an address is put where an address goes", ({ expect }) => {
  for (const wrong of ["", "ada", "a@b>\r\nRCPT TO:<eve@x", "a b@c", "a@b, c@d", "<a@b>", '"a"@b', "a@", "@b"]) {
    expect(isAddress(wrong), wrong).toBe(false);
  }
  expect(isAddress("ada.l+x@sub.example.org")).toBe(true);
  expect(mailbox('"Cronium, Inc." <c@example.org>')).toEqual({ name: "Cronium, Inc.", address: "c@example.org" });
  expect(mailbox("c@example.org")).toEqual({ name: "", address: "c@example.org" });
  expect(mailbox("Cronium <c@example.org> x")).toBe(null);
  expect(() => mailText({ ...message, to: "a@b>\r\nDATA" })).toThrow(/no mail address/);
});

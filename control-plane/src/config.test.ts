import { DEFAULT_LEASE_MS } from "@cronium/protocol/limits";
import { test } from "vitest";
import { parseConfig } from "./config.ts";

const secret = "s".repeat(32);
const masterKey = "pEJxeVzT2bGlAIxGyRhiL9rQ0vhWbL2Qe0sCkEXPnqs";
const needed = { AUTH_SECRET: secret, LOG_TOKEN_KEY: secret, SECRETS_KEY: masterKey };

test("three secrets suffice; everything else has a default", ({ expect }) => {
  expect(parseConfig(needed)).toMatchObject({ publicUrl: "", launcherKey: null, leaseMs: DEFAULT_LEASE_MS });
});

test("every wrong setting is named at once, and no secret is shown", ({ expect }) => {
  const bad = { AUTH_SECRET: "hunter2", PUBLIC_URL: "nowhere", LEASE_MS: "soon", REGISTRATION: "ajar" };
  expect(() => parseConfig(bad)).toThrow(/AUTH_SECRET/);
  try {
    parseConfig(bad);
  } catch (error) {
    const message = String(error);
    for (const name of ["LOG_TOKEN_KEY", "SECRETS_KEY", "PUBLIC_URL", "LEASE_MS", "REGISTRATION"]) {
      expect(message).toContain(name);
    }
    expect(message).not.toContain("hunter2");
  }
});

test("leases below the floor need to be asked for", ({ expect }) => {
  expect(() => parseConfig({ ...needed, LEASE_MS: "2000" })).toThrow(/LEASE_MS/);
  expect(parseConfig({ ...needed, LEASE_MS: "2000", SHORT_LEASES: "yes" }).leaseMs).toBe(2_000);
});

test("T27 a missing, short, patterned or typed master key is refused by name, and never shown", ({ expect }) => {
  const sequence = Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString("base64url");
  const typed = Buffer.from("correct horse battery staple 123").toString("base64");
  for (const bad of [
    "",
    "hunter2",
    "A".repeat(43),
    sequence,
    typed,
    masterKey.slice(1),
    `${masterKey}AA`,
    "=".repeat(44),
  ]) {
    for (const settings of [{ SECRETS_KEY: bad }, { SECRETS_OLD_KEYS: bad === "" ? "x" : bad }]) {
      expect(() => parseConfig({ ...needed, ...settings }), bad).toThrow(new RegExp(Object.keys(settings)[0] ?? ""));
      try {
        parseConfig({ ...needed, ...settings });
      } catch (error) {
        expect(bad.length > 6 && String(error).includes(bad)).toBe(false);
      }
    }
  }
  expect(parseConfig({ ...needed, SECRETS_OLD_KEYS: masterKey }).secretKeys.all.size).toBe(1);
});

test("trusted proxies are addresses and blocks, and limits are numbers", ({ expect }) => {
  const config = parseConfig({ ...needed, TRUSTED_PROXIES: "127.0.0.1, fd00::/8,", REQUESTS_PER_KEY: "0" });
  expect(config.trustedProxies.map(({ version }) => version)).toEqual([4, 6]);
  expect(config.requestRates).toMatchObject({ address: 1_200, key: 0 });
  expect(() => parseConfig({ ...needed, TRUSTED_PROXIES: "localhost" })).toThrow(/"localhost" is no address/);
  expect(() => parseConfig({ ...needed, REQUESTS_PER_KEY: "-1" })).toThrow(/REQUESTS_PER_KEY/);
});

test("registration is open only where addresses are confirmed, and by default only hosted", ({ expect }) => {
  const launcher = { ...needed, LAUNCHER_KEY: secret };
  const mail = { MAIL_URL: "https://mail.example/send", MAIL_FROM: "a@example.org", PUBLIC_URL: "https://c.example" };
  expect(parseConfig(launcher).registration).toBe("invitation");
  expect(parseConfig({ ...launcher, ...mail }).registration).toBe("invitation");
  expect(parseConfig({ ...launcher, REGISTRATION: "open" }).registration).toBe("open");
  expect(parseConfig(needed).registration).toBe("invitation");
  expect(parseConfig({ ...needed, ...mail }).registration).toBe("open");
  expect(parseConfig({ ...needed, ...mail, REGISTRATION: "closed" }).registration).toBe("closed");
  expect(() => parseConfig({ ...needed, REGISTRATION: "open" })).toThrow(/REGISTRATION/);
});

test("a mail service needs a sender and the address that its links lead to", ({ expect }) => {
  const url = { MAIL_URL: "https://mail.example/send" };
  expect(() => parseConfig({ ...needed, ...url, PUBLIC_URL: "https://c.example" })).toThrow(/MAIL_FROM/);
  expect(() => parseConfig({ ...needed, ...url, MAIL_FROM: "a@example.org" })).toThrow(/PUBLIC_URL/);
  expect(() => parseConfig({ ...needed, MAIL_URL: "file:///tmp/mail" })).toThrow(/MAIL_URL/);
});

test("a mail server is read strictly, and what cannot work is named with what to do", ({ expect }) => {
  const launcher = { ...needed, LAUNCHER_KEY: secret, MAIL_FROM: "C <a@example.org>", PUBLIC_URL: "https://c.example" };
  const mailOf = (url: string, more: Record<string, string> = {}): unknown =>
    parseConfig({ ...launcher, MAIL_URL: url, ...more }).mail;
  const token = { MAIL_TOKEN: "pass" };
  expect(mailOf("smtp://ada%40x.org@mail.example.org", token)).toEqual({
    server: { host: "mail.example.org", port: 587, tls: "start", user: "ada@x.org" },
    password: "pass",
    from: "C <a@example.org>",
  });
  expect(mailOf("smtps://ada@[2001:db8::1]", token)).toMatchObject({
    server: { host: "2001:db8::1", port: 465, tls: "direct" },
  });
  expect(mailOf("smtp://10.0.0.5:25?tls=none")).toMatchObject({ server: { port: 25, tls: "none", user: null } });
  const wrong: readonly [url: string, more: Record<string, string>, says: RegExp][] = [
    ["smtp://ada:pass@mail.example.org", token, /Put it into MAIL_TOKEN[^]*MAIL_URL/],
    ["smtp://ada@mail.example.org", {}, /set both or neither[^]*MAIL_TOKEN/],
    ["smtp://mail.example.org", token, /set both or neither/],
    ["smtp://ada@mail.example.org?tls=none", token, /password in the clear/],
    ["smtps://mail.example.org?tls=none", {}, /no other option/],
    ["smtp://mail.example.org?tls=off", {}, /no other option/],
    ["smtp://mail.example.org/inbox", {}, /must end after the port/],
    ["smtp:", {}, /MAIL_URL/],
    ["imap://mail.example.org", {}, /smtp:\/\/ or smtps:\/\//],
    ["smtp://mail.example.org", { MAIL_FROM: "Cronium" }, /must be an address/],
    ["smtp://a%0d%0a@mail.example.org", token, /control characters/],
  ];
  for (const [url, more, says] of wrong) {
    expect(() => mailOf(url, more), url).toThrow(says);
  }
  const hosted = { ...needed, MAIL_FROM: "a@example.org", PUBLIC_URL: "https://c.example" };
  expect(() => parseConfig({ ...hosted, MAIL_URL: "smtp://mail.example.org:25" })).toThrow(/587 or 465/);
  expect(parseConfig({ ...hosted, MAIL_URL: "smtp://mail.example.org" }).registration).toBe("open");
});

import { createHmac } from "node:crypto";
import type { Verification } from "@cronium/protocol/endpoint";
import { Webhook } from "standardwebhooks";
import { describe, test } from "vitest";
import { isGenuine, makeSecret, TOLERANCE_S, whyNotSecret } from "./webhook-signature.ts";

const NOW_S = Math.floor(Date.now() / 1_000);
const body = new TextEncoder().encode('{"id": 7,  "text": "ü"}');
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const check = (
  verification: Verification,
  headers: Readonly<Record<string, string>>,
  secrets = [secret],
  bytes = body,
): boolean =>
  isGenuine(verification, secrets, { header: (name) => headers[name.toLowerCase()] ?? null, body: bytes, nowS: NOW_S });

const hex = (key: string, text: string, algorithm = "sha256"): string =>
  createHmac(algorithm, key).update(text).update(body).digest("hex");

describe("Standard Webhooks", () => {
  const signed = (id = "msg_1", at = NOW_S, key = secret): Record<string, string> => ({
    "webhook-id": id,
    "webhook-timestamp": String(at),
    "webhook-signature": new Webhook(key).sign(id, new Date(at * 1_000), new TextDecoder().decode(body)),
  });

  test("what the reference library signs is genuine", ({ expect }) => {
    expect(check({ kind: "standard" }, signed())).toBe(true);
  });

  test("the reference vector is genuine", ({ expect }) => {
    const headers = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const request = { header: (name: string) => headers[name as keyof typeof headers] ?? null, nowS: 1_614_265_330 };
    const bytes = new TextEncoder().encode('{"test": 2432232314}');
    expect(isGenuine({ kind: "standard" }, [secret], { ...request, body: bytes })).toBe(true);
  });

  test("what is signed with a secret of ours, the reference library verifies", ({ expect }) => {
    const made = makeSecret({ kind: "standard" }, (bytes) => crypto.getRandomValues(new Uint8Array(bytes))) ?? "";
    expect(whyNotSecret({ kind: "standard" }, made)).toBeNull();
    const key = Buffer.from(made.slice(6), "base64");
    const signature = createHmac("sha256", key).update(`msg_1.${NOW_S}.`).update(body).digest("base64");
    const headers = {
      "webhook-id": "msg_1",
      "webhook-timestamp": String(NOW_S),
      "webhook-signature": `v1,${signature}`,
    };
    expect(new Webhook(made).verify(new TextDecoder().decode(body), headers)).toEqual({ id: 7, text: "ü" });
    expect(check({ kind: "standard" }, headers, [made])).toBe(true);
  });

  test.for<[string, Record<string, string>]>([
    ["none", {}],
    ["no signature", { ...signed(), "webhook-signature": "" }],
    [
      "another version",
      { ...signed(), "webhook-signature": signed()["webhook-signature"]?.replace("v1,", "v2,") ?? "" },
    ],
    ["an old one", signed("msg_1", NOW_S - TOLERANCE_S - 1)],
    ["one of the future", signed("msg_1", NOW_S + TOLERANCE_S + 1)],
    ["a moment with letters", { ...signed(), "webhook-timestamp": `${NOW_S}abc` }],
    ["an id with a dot", signed("msg.1")],
    ["another secret", signed("msg_1", NOW_S, "whsec_bm90IHRoZSByaWdodCBzZWNyZXQ=")],
    [
      "ten thousand signatures",
      { ...signed(), "webhook-signature": `${"v1,AAAA ".repeat(10_000)}${signed()["webhook-signature"]}` },
    ],
  ])("B26: %s is refused", ([, headers], { expect }) => {
    expect(check({ kind: "standard" }, headers)).toBe(false);
  });

  test("B27: a signature over the same JSON, written anew, is refused", ({ expect }) => {
    const again = new TextEncoder().encode(JSON.stringify(JSON.parse(new TextDecoder().decode(body))));
    expect(check({ kind: "standard" }, signed(), [secret], again)).toBe(false);
  });

  test("either of two secrets is good while one replaces the other", ({ expect }) => {
    const other = "whsec_bm90IHRoZSByaWdodCBzZWNyZXQ=";
    expect(check({ kind: "standard" }, signed(), [other, secret])).toBe(true);
    expect(check({ kind: "standard" }, signed(), [other])).toBe(false);
    expect(check({ kind: "standard" }, signed(), [])).toBe(false);
  });
});

describe("the ways of others", () => {
  const key = "a shared secret";
  const hmac: Verification = { kind: "hmac", header: "X-Sig", algorithm: "sha512", encoding: "base64", prefix: "s=" };
  test.for<[Verification, Record<string, string>]>([
    [{ kind: "github" }, { "x-hub-signature-256": `sha256=${hex(key, "")}` }],
    [{ kind: "gitlab" }, { "x-gitlab-token": key }],
    [{ kind: "stripe" }, { "stripe-signature": `t=${NOW_S},v0=x,v1=00,v1=${hex(key, `${NOW_S}.`)}` }],
    [
      { kind: "slack" },
      { "x-slack-request-timestamp": String(NOW_S), "x-slack-signature": `v0=${hex(key, `v0:${NOW_S}:`)}` },
    ],
    [hmac, { "x-sig": `s=${createHmac("sha512", key).update(body).digest("base64")}` }],
    [{ kind: "bearer" }, { authorization: `Bearer ${key}` }],
    [{ kind: "basic", username: "ada" }, { authorization: `Basic ${Buffer.from(`ada:${key}`).toString("base64")}` }],
  ])("B26: %j takes its own and nothing else", ([verification, headers], { expect }) => {
    expect(check(verification, headers, [key])).toBe(true);
    expect(check(verification, headers, ["another secret"])).toBe(false);
    expect(check(verification, {}, [key])).toBe(false);
    const broken = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `${value}x`]));
    expect(check(verification, broken, [key])).toBe(false);
    const signsBody = !["gitlab", "bearer", "basic"].includes(verification.kind);
    expect(check(verification, headers, [key], new TextEncoder().encode("{}"))).toBe(!signsBody);
  });

  test("B26: a signed moment that is too old is refused", ({ expect }) => {
    const at = NOW_S - 301;
    const slack = { "x-slack-request-timestamp": String(at), "x-slack-signature": `v0=${hex(key, `v0:${at}:`)}` };
    expect(check({ kind: "slack" }, slack, [key])).toBe(false);
    expect(check({ kind: "stripe" }, { "stripe-signature": `t=${at},v1=${hex(key, `${at}.`)}` }, [key])).toBe(false);
  });

  test("no secret is made where none is asked for, and a Standard one must be what it says", ({ expect }) => {
    expect(makeSecret({ kind: "none" }, () => new Uint8Array(24))).toBeNull();
    expect(whyNotSecret({ kind: "standard" }, "hunter22")).toMatch(/whsec_/);
    expect(whyNotSecret({ kind: "github" }, "hunter22")).toBeNull();
  });
});

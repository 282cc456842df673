/** Each snippet is run as it stands, and what it sends is proven by the rules of its kind, written here once more. */
import type { Verification } from "@cronium/protocol/endpoint";
import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, test } from "vitest";
import { snippetsOf } from "./snippets.ts";

const SECRET = "a-secret-of-the-sender";
/** Programs start slowly where much else runs. */
const DEADLINE_MS = 60_000;
const STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

interface Came {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let server: Server;
let address = "";
let came: Came[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      came.push({ headers: request.headers, body });
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/x`;
});

afterAll(() => server.close());

const hmac = (algorithm: string, text: string, encoding: "hex" | "base64" = "hex"): string =>
  createHmac(algorithm, SECRET).update(text).digest(encoding);
const login = Buffer.from(`it's ada:${SECRET}`).toString("base64");

interface Case {
  readonly verification: Verification;
  /** What its headers must be, by the body and what they say themselves. */
  readonly proof: (came: Came) => Readonly<Record<string, string>>;
}

const cases: readonly Case[] = [
  { verification: { kind: "none" }, proof: () => ({}) },
  { verification: { kind: "bearer" }, proof: () => ({ authorization: `Bearer ${SECRET}` }) },
  { verification: { kind: "gitlab" }, proof: () => ({ "x-gitlab-token": SECRET }) },
  { verification: { kind: "basic", username: "it's ada" }, proof: () => ({ authorization: `Basic ${login}` }) },
  {
    verification: { kind: "github" },
    proof: ({ body }) => ({ "x-hub-signature-256": `sha256=${hmac("sha256", body)}` }),
  },
  {
    verification: { kind: "hmac", header: "X-Sig", algorithm: "sha512", encoding: "base64", prefix: "DATA=$1 '" },
    proof: ({ body }) => ({ "x-sig": `DATA=$1 '${hmac("sha512", body, "base64")}` }),
  },
  {
    verification: { kind: "stripe" },
    proof: ({ headers, body }) => {
      const at = /^t=(\d+),/.exec(String(headers["stripe-signature"]))?.[1] ?? "";
      return { "stripe-signature": `t=${at},v1=${hmac("sha256", `${at}.${body}`)}` };
    },
  },
  {
    verification: { kind: "slack" },
    proof: ({ headers, body }) => ({
      "x-slack-signature": `v0=${hmac("sha256", `v0:${String(headers["x-slack-request-timestamp"])}:${body}`)}`,
    }),
  },
];

/** Those of a page of settings are for people. */
const PROGRAMS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  curl: ["bash", "-euc"],
  JavaScript: [process.execPath, "--input-type=module", "-e"],
  Python: ["python3", "-c"],
};

async function follow(verification: Verification, label: string, secret: string): Promise<Came> {
  const snippet = snippetsOf({ verification }, address).find((one) => one.label === label);
  const [program = "", ...args] = PROGRAMS[label] ?? [];
  came = [];
  await promisify(execFile)(program, [...args, snippet?.text ?? ""], {
    env: { PATH: process.env["PATH"] ?? "", HOOK_SECRET: secret },
  });
  const [only, ...others] = came;
  if (only === undefined || others.length > 0) {
    throw new Error(`${label} for ${verification.kind} sent ${came.length} requests`);
  }
  return only;
}

describe.for(Object.keys(PROGRAMS))("a snippet for %s", (label) => {
  test.for(cases)(
    "proves who sends it: $verification.kind",
    { timeout: DEADLINE_MS },
    async ({ verification, proof }, { expect }) => {
      const one = await follow(verification, label, SECRET);
      expect(JSON.parse(one.body)).toEqual({ order: 7 });
      expect(one.headers).toMatchObject({ "content-type": "application/json", ...proof(one) });
    },
  );

  test("proves who sends it: standard", { timeout: DEADLINE_MS }, async ({ expect }) => {
    const { headers, body } = await follow({ kind: "standard" }, label, STANDARD);
    const key = Buffer.from(STANDARD.replace("whsec_", ""), "base64");
    const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
    const signature = createHmac("sha256", key).update(signed).digest("base64");
    expect([headers["webhook-signature"], JSON.parse(body)]).toEqual([`v1,${signature}`, { order: 7 }]);
  });
});

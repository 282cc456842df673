/** Who holds the machine gets in, whatever was forgotten. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, onTestFinished, test } from "vitest";
import { AUTHORITY, PASSWORD, startMailServer, USER } from "./mail-server.ts";
import { buildControlPlane, cli, ROOT, until, Workbench } from "./plane.ts";

const bench = new Workbench();

beforeAll(() => buildControlPlane());
afterAll(() => bench.cleanUp());

/** A data folder with the password of the mail server, and what a start needs to reach that on this machine. */
function withMail(port: number): { readonly data: string; readonly authority: string; readonly args: string[] } {
  const data = bench.folder();
  const key = "k".repeat(43);
  const secrets = { AUTH_SECRET: key, LOG_TOKEN_KEY: key, LAUNCHER_KEY: key, MAIL_TOKEN: PASSWORD };
  writeFileSync(join(data, "secrets.json"), JSON.stringify(secrets), { mode: 0o600 });
  const authority = join(data, "authority.pem");
  writeFileSync(authority, AUTHORITY);
  const vars = {
    MAIL_URL: `smtp://${USER}@localhost:${port}`,
    MAIL_FROM: "Cronium <cronium@example.org>",
    PUBLIC_URL: "https://cronium.example.org",
    OUTBOUND_NETWORKS: "127.0.0.1",
  };
  return { data, authority, args: Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}=${value}`]) };
}

test("a link for a new password goes by SMTP, and from the machine where nobody gets mail", async ({ expect }) => {
  const mail = await startMailServer();
  onTestFinished(mail.stop);
  const { data, authority, args } = withMail(mail.port);
  const { url, claimUrl } = await bench.launchWith({ SSL_CERT_FILE: authority }, data, ...args).ready;
  const post = (path: string, body: object): Promise<Response> =>
    fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const owner = { name: "Ada", email: "ada@example.org", password: "analytical engine" };
  const claimed = await post("/api/v1/claim", { token: claimUrl?.split("#token=")[1], ...owner });
  expect(claimed.status).toBe(201);

  expect((await post("/api/v1/password-resets", { email: owner.email })).status).toBe(202);
  await until("the message arrives", () => Promise.resolve(mail.received.length > 0 || null));
  const [message] = mail.received;
  expect(message).toMatchObject({
    encrypted: true,
    from: "MAIL FROM:<cronium@example.org>",
    to: `RCPT TO:<${owner.email}>`,
    data: expect.stringMatching(/^From: Cronium <cronium@example\.org>\n.*\nSubject: A new password for Cronium\n/s),
  });
  const text = Buffer.from(message?.data.split("\n\n")[1] ?? "", "base64").toString();
  const mailed = /https:\/\/cronium\.example\.org\/link#token=(crnl_\S+)/.exec(text)?.[1];
  const chosen = { token: mailed, password: "a mailed password" };
  expect((await post("/api/v1/account-links/reset-password", chosen)).status).toBe(204);

  const main = join(ROOT, "control-plane/launcher/main.ts");
  const printed = spawnSync(process.execPath, [main, "password-link", "--data", data, owner.email], {
    encoding: "utf8",
  });
  expect([printed.status, printed.stdout.startsWith(`${url}/link#token=crnl_`)]).toEqual([0, true]);
  const token = printed.stdout.trim().split("#token=")[1];
  const password = "difference engine";
  expect((await post("/api/v1/account-links/reset-password", { token, password })).status).toBe(204);
  expect((await post("/api/auth/sign-in/email", { email: owner.email, password })).status).toBe(200);

  expect(cli("password-link", "--data", data, "nobody@example.org")).toMatchObject({ code: 1 });
  expect(cli("password-link", "--data", bench.folder(), owner.email).said).toContain("start it first");
});

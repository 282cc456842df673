/** Settings as people use them: inviting, joining, roles, keys, sessions, the audit. */
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { claimOwner, openBrowser, openPage, OWNER, type WatchedPage } from "./browser.ts";
import { type Cronium, startCronium } from "./cronium.ts";

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");

let cronium: Cronium;
let browser: Browser;
let owner: WatchedPage;

beforeAll(async () => {
  cronium = await startCronium(["--no-runner"]);
  browser = await openBrowser();
  owner = await openPage(browser);
  await claimOwner(owner.page, cronium);
});

afterAll(async () => {
  await browser?.close();
  await cronium?.stop();
});

test("somebody who is invited joins by the link, gets another role, and is removed", async ({ expect }) => {
  const { page } = owner;
  await page.goto(`${cronium.url}/settings`);
  await page.getByRole("button", { name: "Invite somebody" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByLabel("Their e-mail address").fill("grace@example.org");
  await sheet.getByLabel("Role").selectOption("editor");
  await sheet.getByRole("button", { name: "Make the link" }).click();
  const link = (await sheet.locator("code").textContent()) ?? "";
  expect(link).toMatch(/\/join#token=crni_/);
  await sheet.getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("table", { name: "Invitations" }).getByText("grace@example.org").waitFor();

  const guest = await openPage(browser);
  await guest.page.goto(link);
  await guest.page.getByText("grace@example.org is invited as Editor.").waitFor();
  expect(guest.page.url()).not.toContain("crni_");
  await guest.page.getByLabel("Your name").fill("Grace");
  await guest.page.getByLabel("Password", { exact: true }).fill("a long enough password");
  await guest.page.getByRole("button", { name: "Join" }).click();
  await guest.page.waitForURL("**/runs");
  await guest.page.goto(`${cronium.url}/settings`);
  await guest.page.getByRole("button", { name: "Invite somebody" }).hover();
  await guest.page.getByText("Only administrators and owners can change members.").first().waitFor();
  expect(await guest.page.getByRole("tab", { name: "Audit" }).count()).toBe(0);

  await page.reload();
  const role = page.getByLabel("Role of Grace");
  await role.waitFor();
  await page.screenshot({ path: join(PICTURES, "members.png") });
  await role.selectOption("viewer");
  const roleOfGrace = async (): Promise<string | undefined> =>
    (await members()).find((one) => one.name === "Grace")?.role;
  await expect.poll(roleOfGrace).toBe("viewer");

  // Another administrator is faster.
  const { userId } = (await members()).find((one) => one.name === "Grace") ?? { userId: "" };
  await cronium.api("PATCH", `/members/${userId}`, { role: "operator" });
  await role.selectOption("editor");
  await page.getByText("Somebody else changed this meanwhile.").waitFor();
  expect(await roleOfGrace()).toBe("operator");
  await page.getByRole("button", { name: "Overwrite with mine" }).click();
  await expect.poll(roleOfGrace).toBe("editor");
  await page.getByText("Somebody else changed this meanwhile.").waitFor({ state: "detached" });

  await page.getByRole("button", { name: "Remove Grace" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByRole("table", { name: "Members" }).getByText("Grace", { exact: true }).waitFor({ state: "detached" });
  await guest.page.reload();
  await guest.page.waitForURL("**/sign-in**");
  await guest.page.context().close();
});

interface Member {
  readonly userId: string;
  readonly name: string;
  readonly role: string;
}

async function members(): Promise<readonly Member[]> {
  return (await cronium.api<{ items: Member[] }>("GET", "/members")).items;
}

test("a key is shown once, works with its scopes, and is revoked", async ({ expect }) => {
  const { page } = owner;
  await page.goto(`${cronium.url}/settings?tab=keys`);
  await page.getByRole("button", { name: "Make a key" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByLabel("Name").fill("reads runs");
  await sheet.getByLabel("runs:read").check();
  await page.screenshot({ path: join(PICTURES, "new-key.png") });
  await sheet.getByRole("button", { name: "Make the key" }).click();
  await sheet.getByText("Copy it now").waitFor();
  const key = (await sheet.locator("code").first().textContent()) ?? "";
  expect(key).toMatch(/^crnk_/);
  const status = async (path: string): Promise<number> =>
    (await fetch(`${cronium.url}/api/v1${path}`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect([await status("/runs"), await status("/events")]).toEqual([200, 403]);
  await sheet.getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("button", { name: "Revoke reads runs" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("table", { name: "API keys" }).getByText("reads runs").waitFor({ state: "detached" });
  expect(await status("/runs")).toBe(401);
});

test("a registration token is shown once as a command, its use is counted, and it is revoked", async ({ expect }) => {
  const { page } = owner;
  await page.goto(`${cronium.url}/settings?tab=tokens`);
  await page.getByRole("button", { name: "Make a token" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByLabel("Kind").selectOption("reusable");
  await sheet.getByLabel("Machines").fill("3");
  await sheet.getByLabel("Labels").fill("zone=eu\nno label");
  await sheet.getByRole("button", { name: "Make the token" }).click();
  await sheet.getByText('"no label" is not key=value.').waitFor();
  await sheet.getByLabel("Labels").fill("zone=eu\ngpu=yes");
  await page.screenshot({ path: join(PICTURES, "new-token.png") });
  await sheet.getByRole("button", { name: "Make the token" }).click();
  await page.getByText("It is shown this once").waitFor();
  const command = (await page.getByRole("dialog").locator("code").first().textContent()) ?? "";
  expect(command).toMatch(/^npx --yes .*cronium-runner\.tgz --token crnr_/);
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();

  const register = async (name: string): Promise<number> => {
    const body = JSON.stringify({
      token: command.slice(command.indexOf("crnr_")),
      name,
      publicKey: "A".repeat(43),
      version: "0.1.0",
      protocol: 2,
      platform: { os: "linux", arch: "x64", hostname: name, node: "24", docker: null, cpus: 1, memoryMb: 512 },
    });
    const headers = { "content-type": "application/json" };
    return (await fetch(`${cronium.url}/api/v1/runner/register`, { method: "POST", headers, body })).status;
  };
  expect(await register("fleet-1")).toBe(201);
  await page.reload();
  const table = page.getByRole("table", { name: "Registration tokens" });
  await table.getByText("1 of 3").waitFor();
  await page.screenshot({ path: join(PICTURES, "tokens.png") });
  await table.getByRole("button", { name: "Revoke" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await table.getByText("revoked").waitFor();
  expect(await register("fleet-2")).toBe(401);
  expect(await page.content()).not.toContain(command.slice(command.indexOf("crnr_")));
});

test("what hands out power asks for the password again, and then goes on by itself", async ({ expect }) => {
  const { page } = owner;
  await page.goto(`${cronium.url}/settings?tab=keys`);
  // As a session answers that is older than ten minutes.
  let isRefused = false;
  await page.route("**/api/v1/api-keys", (route) => {
    if (route.request().method() !== "POST" || isRefused) {
      return route.continue();
    }
    isRefused = true;
    const problem = { code: "proof_required", status: 403, title: "", detail: "Again.", hint: "", errors: [] };
    return route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify(problem) });
  });
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("after proof");
  await page.getByRole("button", { name: "Make the key" }).click();
  const proof = page.getByRole("dialog", { name: "Your password, please" });
  await proof.getByLabel("Password").fill("wrong password");
  await proof.getByRole("button", { name: "Go on" }).click();
  await proof.getByText("The password is wrong.").waitFor();
  await proof.getByLabel("Password").fill(OWNER.password);
  await proof.getByRole("button", { name: "Go on" }).click();
  await page.getByText("Copy it now").waitFor();
  expect(await page.getByRole("dialog").locator("code").first().textContent()).toMatch(/^crnk_/);
});

test("the audit says what was done, and that nobody changed it", async ({ expect }) => {
  const { page, faults } = owner;
  await page.goto(`${cronium.url}/settings?tab=audit`);
  const table = page.getByRole("table", { name: "Audit" });
  await table.getByText("api_key.revoked").waitFor();
  await table.getByText("editor → viewer").waitFor();
  await page.getByRole("button", { name: "Verify" }).click();
  await page.screenshot({ path: join(PICTURES, "audit.png") });
  await page.getByText(/^All \d+ entries are as they were written\.$/).waitFor();
  expect(faults.filter((fault) => !fault.includes("403"))).toEqual([]);
});

test("the audit is narrowed down by what, who and when, in the address and in the download", async ({ expect }) => {
  const { page } = owner;
  await page.goto(`${cronium.url}/settings?tab=audit`);
  const bar = page.getByRole("group", { name: "Filter" });
  const table = page.getByRole("table", { name: "Audit" });
  await bar.getByLabel("What").selectOption("api_key.");
  await table.getByText("member.role_changed").waitFor({ state: "detached" });
  await table.getByText("api_key.revoked").waitFor();
  expect(new URL(page.url()).searchParams.get("verb")).toBe("api_key.");
  const verbs = await table.locator("code").filter({ hasText: "." }).allTextContents();
  expect(verbs.every((verb) => verb.startsWith("api_key."))).toBe(true);
  const href = await page.getByRole("link", { name: "Download NDJSON" }).getAttribute("href");
  expect(href).toBe("/api/v1/audit/export?verb=api_key.");
  await bar.getByLabel("Until").fill("2020-01-01");
  await page.getByText("No entry matches").waitFor();
  await bar.getByRole("button", { name: "Clear filters" }).click();
  await table.getByText("member.role_changed").first().waitFor();
});

test("an entry of the audit opens with all that is known of it", async ({ expect }) => {
  const { page } = owner;
  await page.goto(`${cronium.url}/settings?tab=audit&verb=member.role_changed`);
  // The oldest, from editor to viewer.
  await page.getByRole("button", { name: "Details of member.role_changed" }).last().click();
  const sheet = page.getByRole("dialog", { name: "member.role_changed" });
  await sheet.getByText("viewer").waitFor();
  expect(await sheet.locator("code").allTextContents()).toContainEqual(expect.stringMatching(/^[0-9a-f]{64}$/));
  await page.screenshot({ path: join(PICTURES, "audit-entry.png") });
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "detached" });
});

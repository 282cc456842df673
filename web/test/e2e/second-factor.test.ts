/** A second factor as people use it: setting it up, signing in with it, losing the phone, turning it off. */
import { createHmac } from "node:crypto";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { claimOwner, openBrowser, openPage, signIn, OWNER, type WatchedPage } from "./browser.ts";
import { type Cronium, startCronium } from "./cronium.ts";

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

let cronium: Cronium;
let browser: Browser;
let owner: WatchedPage;
let secret = "";
let recoveryCodes: readonly string[] = [];

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

/** What an app shows; `ahead`: with a clock that is one step fast, so that nobody waits for the next code. */
function appCode(ahead = 0): string {
  const bits = secret
    .split("")
    .map((char) => BASE32.indexOf(char).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const mac = createHmac("sha1", key).update(counter).digest();
  const at = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("an app is set up with its QR code, and recovery codes are shown once", async ({ expect }) => {
  const { page, faults } = owner;
  await page.goto(`${cronium.url}/settings?tab=account`);
  await page.getByRole("button", { name: "Set up an authenticator app" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("img", { name: "QR code for the authenticator app" }).waitFor();
  secret = (await sheet.locator("code").textContent()) ?? "";
  expect(secret).toMatch(/^[A-Z2-7]{32}$/);
  await page.screenshot({ path: join(PICTURES, "second-factor.png") });
  await sheet.getByLabel("Code", { exact: true }).fill("000000");
  await sheet.getByRole("button", { name: "Turn it on" }).click();
  await sheet.getByText("This is not the code that the app shows now.").waitFor();
  await sheet.getByLabel("Code", { exact: true }).fill(appCode());
  await sheet.getByRole("button", { name: "Turn it on" }).click();
  await page.getByRole("dialog", { name: "Recovery codes" }).waitFor();
  const shown = (await page.getByRole("dialog").locator("code").textContent()) ?? "";
  recoveryCodes = shown.split("\n");
  expect(recoveryCodes).toHaveLength(10);
  await page.screenshot({ path: join(PICTURES, "recovery-codes.png") });
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
  await page.getByText("10 recovery codes are left.").waitFor();
  await page.screenshot({ path: join(PICTURES, "second-factor-on.png") });
  expect(faults.filter((fault) => !fault.includes("403"))).toEqual([]);
});

test("signing in asks for a code, and a recovery code stands in for a lost phone", async ({ expect }) => {
  for (const code of [appCode(1), recoveryCodes[0] ?? ""]) {
    const { page } = await openPage(browser);
    await page.goto(`${cronium.url}/sign-in`);
    await signIn(page);
    await page.getByRole("heading", { name: "Enter the code" }).waitFor();
    await page.getByLabel("Code", { exact: true }).fill(code);
    await page.screenshot({ path: join(PICTURES, "sign-in-code.png") });
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("**/runs");
    await page.goto(`${cronium.url}/settings?tab=account`);
    await page.getByText("Where you are signed in").first().waitFor();
    expect((await page.context().cookies()).map(({ name }) => name)).toEqual(["cronium.session"]);
    await page.context().close();
  }
});

test("turning it off asks for the password and a code, where they were given a while ago", async ({ expect }) => {
  const { page } = owner;
  // As a session answers that is older than ten minutes.
  let isRefused = false;
  await page.route("**/api/v1/account/second-factor", (route) => {
    if (route.request().method() !== "DELETE" || isRefused) {
      return route.continue();
    }
    isRefused = true;
    const problem = { code: "proof_required", status: 403, title: "", detail: "Again.", hint: "", errors: [] };
    return route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify(problem) });
  });
  await page.goto(`${cronium.url}/settings?tab=account`);
  await page.getByText("9 recovery codes are left.").waitFor();
  await page.getByRole("button", { name: "Turn it off" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Turn it off" }).click();
  const proof = page.getByRole("dialog", { name: "Your password, please" });
  await proof.getByLabel("Password").fill(OWNER.password);
  await proof.getByLabel("Code", { exact: true }).fill(recoveryCodes[1] ?? "");
  await page.screenshot({ path: join(PICTURES, "proof-with-code.png") });
  await proof.getByRole("button", { name: "Go on" }).click();
  await page.getByText("Off. With it on, signing in also asks for a code").waitFor();
  const guest = await openPage(browser);
  await guest.page.goto(`${cronium.url}/sign-in`);
  await signIn(guest.page);
  await guest.page.waitForURL("**/runs");
  expect(guest.faults).toEqual([]);
  await guest.page.context().close();
});

/** How people come in, and back in: accounts by themselves, new passwords, confirmed addresses. Without mail. */
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { claimOwner, openBrowser, openPage, OWNER, signIn, type WatchedPage } from "./browser.ts";
import { type Cronium, startCronium } from "./cronium.ts";

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");

let cronium: Cronium;
let browser: Browser;
let owner: WatchedPage;

beforeAll(async () => {
  cronium = await startCronium(["--no-runner", "--var", "REGISTRATION=open"]);
  browser = await openBrowser();
  owner = await openPage(browser);
  await claimOwner(owner.page, cronium);
});

afterAll(async () => {
  await browser?.close();
  await cronium?.stop();
});

/** The link that the terminal has shown for this address, last. */
function linkInTerminal(email: string): string | undefined {
  return cronium
    .said()
    .split("\n")
    .filter((line) => line.startsWith(`For ${email}: `))
    .at(-1)
    ?.match(/http\S+$/)?.[0];
}

test("somebody makes an account and a workspace by themselves, with the link from the terminal", async ({ expect }) => {
  const { page, faults } = await openPage(browser);
  await page.goto(`${cronium.url}/sign-in`);
  await page.getByRole("link", { name: "Make an account" }).click();
  await page.getByLabel("Your name").fill("Grace");
  await page.getByLabel("E-mail").fill("grace@example.org");
  await page.getByLabel("Password").fill("a long enough password");
  await page.screenshot({ path: join(PICTURES, "register.png") });
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByText("This installation sends no mail").waitFor();
  await page.screenshot({ path: join(PICTURES, "link-asked.png") });
  await expect.poll(() => linkInTerminal("grace@example.org"), { timeout: 90_000 }).toMatch(/\/link#token=crnl_/);
  await page.goto(linkInTerminal("grace@example.org") ?? "");
  await page.getByRole("heading", { name: "Make your account" }).waitFor();
  expect(page.url()).not.toContain("crnl_");
  await page.screenshot({ path: join(PICTURES, "link-register.png") });
  await page.getByRole("button", { name: "Make the account and sign in" }).click();
  await page.waitForURL("**/runs");
  await page.goto(`${cronium.url}/settings?tab=account`);
  await page.getByText("confirmed", { exact: true }).waitFor();
  // The owner of a workspace of their own does not hold the machine.
  await page.getByRole("tab", { name: "Messages" }).click();
  await page.getByText("No messages").waitFor();
  expect(faults).toEqual([]);
  await page.context().close();
});

test("a forgotten password is replaced by the link that the owner hands over", async ({ expect }) => {
  const guest = await openPage(browser);
  await guest.page.goto(`${cronium.url}/sign-in`);
  await guest.page.getByRole("link", { name: "Forgot the password?" }).click();
  await guest.page.getByLabel("E-mail").fill("grace@example.org");
  await guest.page.screenshot({ path: join(PICTURES, "forgot.png") });
  await guest.page.getByRole("button", { name: "Ask for the link" }).click();
  await guest.page.getByRole("heading", { name: "Look for a link" }).waitFor();

  const { page } = owner;
  await page.goto(`${cronium.url}/settings?tab=messages`);
  await page.getByRole("button", { name: "Show the link for grace@example.org" }).click();
  const sheet = page.getByRole("dialog");
  const link = (await sheet.locator("code").textContent()) ?? "";
  await page.screenshot({ path: join(PICTURES, "messages.png") });
  expect(link.startsWith(`${cronium.url}/link#token=crnl_`)).toBe(true);

  await guest.page.goto(link);
  await guest.page.getByLabel("New password").fill("another long password");
  await guest.page.screenshot({ path: join(PICTURES, "link-reset.png") });
  await guest.page.getByRole("button", { name: "Set the password" }).click();
  await guest.page.getByRole("heading", { name: "The new password is set" }).waitFor();
  await guest.page.getByRole("link", { name: "Sign in" }).click();
  await guest.page.getByLabel("E-mail").fill("grace@example.org");
  await guest.page.getByLabel("Password").fill("another long password");
  await guest.page.getByRole("button", { name: "Sign in" }).click();
  await guest.page.waitForURL("**/runs");

  await guest.page.goto(`${link}`);
  await guest.page.getByText("This link does not work any more.").waitFor();
  await guest.page.screenshot({ path: join(PICTURES, "link-dead.png") });
  expect(guest.faults).toEqual([]);
  await guest.page.context().close();
});

test("the owner confirms their own address", async ({ expect }) => {
  const { page, faults } = owner;
  await page.goto(`${cronium.url}/settings?tab=account`);
  await page.getByRole("button", { name: "Confirm it by a link" }).click();
  await page.getByText("A link to confirm your address is on its way.").waitFor();
  await expect.poll(() => linkInTerminal(OWNER.email), { timeout: 90_000 }).toMatch(/\/link#token=crnl_/);
  await page.goto(linkInTerminal(OWNER.email) ?? "");
  await page.getByRole("button", { name: "Confirm it" }).click();
  await page.getByRole("heading", { name: "The address is confirmed" }).waitFor();
  await page.goto(`${cronium.url}/settings?tab=account`);
  await page.getByText("confirmed", { exact: true }).waitFor();
  await page.screenshot({ path: join(PICTURES, "account.png") });
  expect(faults).toEqual([]);
});

test("somebody who is signed out still gets in", async ({ expect }) => {
  const { page, faults } = await openPage(browser);
  await page.goto(`${cronium.url}/sign-in`);
  await page.screenshot({ path: join(PICTURES, "sign-in.png") });
  await signIn(page);
  await page.waitForURL("**/runs");
  expect(faults).toEqual([]);
  await page.context().close();
});

/** Passkeys with the authenticator that Chromium brings for tests, at the address that has a name. */
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { claimOwner, openBrowser, openPage, type WatchedPage } from "./browser.ts";
import { type Cronium, startCronium } from "./cronium.ts";

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");

let cronium: Cronium;
let browser: Browser;
let owner: WatchedPage;
/** With a name: no browser makes passkeys for a bare address. */
let url = "";

beforeAll(async () => {
  cronium = await startCronium(["--no-runner"]);
  url = cronium.url.replace("127.0.0.1", "localhost");
  browser = await openBrowser();
  owner = await openPage(browser);
  const { page } = owner;
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await claimOwner(page, { ...cronium, claimUrl: cronium.claimUrl.replace("127.0.0.1", "localhost") });
});

afterAll(async () => {
  await browser?.close();
  await cronium?.stop();
});

test("a passkey is added, signs in without a password, and is removed", async ({ expect }) => {
  const { page, faults } = owner;
  await page.goto(`${url}/settings?tab=account`);
  await page.getByRole("button", { name: "Add a passkey" }).click();
  const form = page.getByRole("dialog", { name: "Add a passkey" });
  await form.getByLabel("Name").fill("My laptop");
  await page.screenshot({ path: join(PICTURES, "new-passkey.png") });
  await form.getByRole("button", { name: "Make it" }).click();
  const table = page.getByRole("table", { name: "Passkeys" });
  await table.getByText("My laptop").waitFor();
  await page.screenshot({ path: join(PICTURES, "passkeys.png"), fullPage: true });

  await page.context().clearCookies();
  await page.goto(`${url}/settings?tab=account`);
  await page.getByRole("button", { name: "Sign in with a passkey" }).waitFor();
  await page.screenshot({ path: join(PICTURES, "sign-in-passkey.png") });
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await table.getByText("My laptop").waitFor();
  expect(new URL(page.url()).pathname).toBe("/settings");

  await page.getByRole("button", { name: "Remove My laptop" }).click();
  await table.waitFor({ state: "detached" });
  await page.context().clearCookies();
  await page.goto(`${url}/sign-in`);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.getByText("This passkey does not work here.").waitFor();
  expect(faults).toEqual([]);
});

test("where the address has no name, passkeys are not offered", async ({ expect }) => {
  const { page } = await openPage(browser);
  await page.goto(`${cronium.url}/sign-in`);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  expect(await page.getByRole("button", { name: "Sign in with a passkey" }).count()).toBe(0);
  await page.context().close();
});

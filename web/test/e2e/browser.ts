/** Debian's Chromium, and a page that remembers everything that went wrong in it. */
import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";
import type { Cronium } from "./cronium.ts";

export const OWNER = { name: "Ada Lovelace", email: "ada@example.org", password: "analytical engine" } as const;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CRONIUM_CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      "--disable-quic",
    ],
  });
}

export interface WatchedPage {
  readonly page: Page;
  /** Uncaught errors, refused loads and dialogs, oldest first. */
  readonly faults: readonly string[];
}

export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    // The leave guard of an editor with unsaved edits; tests that move on mean it.
    if (dialog.type() === "beforeunload") {
      void dialog.accept();
      return;
    }
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (/content security policy|refused to/i.test(message.text())) {
      faults.push(`policy: ${message.text()}`);
    }
  });
  return { page, faults };
}

/** Claims the owner account; the page ends signed in on the list of events. */
export async function claimOwner(page: Page, cronium: Cronium): Promise<void> {
  await page.goto(cronium.claimUrl);
  await page.getByLabel("Your name").fill(OWNER.name);
  await page.getByLabel("E-mail").fill(OWNER.email);
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Claim and sign in" }).click();
  await page.getByRole("heading", { name: "Events", level: 1 }).waitFor();
}

export async function signIn(page: Page): Promise<void> {
  await page.getByLabel("E-mail").fill(OWNER.email);
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Replaces what the code editor named `label` holds. */
export async function writeCode(page: Page, label: string, text: string): Promise<void> {
  const editor = page.locator(".cm-content").and(page.getByLabel(label, { exact: true }));
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(text);
}

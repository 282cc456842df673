/** The workspace itself: renaming it, copying all it holds, handing it over, leaving and deleting it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { openPage } from "./browser.ts";
import { type SignedIn, startSignedIn } from "./signed-in.ts";

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");

let signedIn: SignedIn;
let page: Page;
let faults: readonly string[];

beforeAll(async () => {
  signedIn = await startSignedIn();
  ({ page, faults } = signedIn);
});

afterAll(() => signedIn?.stop());

test("an owner renames it and downloads a copy of everything", async ({ expect }) => {
  await signedIn.cronium.api("POST", "/secrets", { name: "TOKEN", value: "w0rkspace-Wert" });
  await page.goto(`${signedIn.cronium.url}/settings?tab=workspace`);
  await page.getByLabel("Name of the workspace").fill("The shed");
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByLabel("Type The shed to delete it").waitFor();
  await page.screenshot({ path: join(PICTURES, "workspace.png"), fullPage: true });
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download the copy" }).click(),
  ]);
  const text = readFileSync(await download.path(), "utf8");
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; lines?: number });
  expect(lines[0]).toMatchObject({ type: "workspace", data: { name: "The shed" } });
  expect(lines.at(-1)).toEqual({ type: "end", lines: lines.length });
  expect(text).toContain("TOKEN");
  expect(text).not.toContain("w0rkspace-Wert");
});

test("every setting has a field, which says what is wrong and saves what is right", async ({ expect }) => {
  await page.goto(`${signedIn.cronium.url}/settings?tab=workspace`);
  const audit = page.getByLabel("Days that the audit is kept");
  const atATime = page.getByLabel("Runs at a time");
  const save = page.getByRole("button", { name: "Save limits" });
  await audit.fill("7");
  await page.getByText("Give a whole number from 30 to 3,650.").waitFor();
  expect(await save.getAttribute("aria-disabled")).toBe("true");
  await audit.fill("730");
  await atATime.fill("12");
  await save.click();
  // Saved, there is nothing left to save.
  await page.locator('button[aria-disabled="true"]:not([aria-busy])', { hasText: "Save limits" }).waitFor();
  const settings = await signedIn.cronium.api<Record<string, number>>("GET", "/settings");
  expect(settings).toMatchObject({ auditRetentionDays: 730, concurrency: 12, retentionDays: 30 });
  await page.reload();
  expect(await atATime.inputValue()).toBe("12");
});

test("B40 what somebody else changed meanwhile is not overwritten unasked, neither name nor settings", async ({
  expect,
}) => {
  const { api } = signedIn.cronium;
  const settings = (): Promise<Record<string, number>> => api("GET", "/settings");
  await page.goto(`${signedIn.cronium.url}/settings?tab=workspace`);
  const form = (name: string): Locator => page.getByRole("region", { name, exact: true });
  const limits = form("Limits and keeping");
  const runs = page.getByLabel("Days that ended runs are kept");
  await runs.fill("61");
  await api("PATCH", "/settings", { concurrency: 77, retentionDays: 62 });
  await limits.getByRole("button", { name: "Save limits" }).click();
  await limits.getByText("Somebody else changed this meanwhile.").waitFor();
  expect((await settings())["retentionDays"]).toBe(62);
  await page.screenshot({ path: join(PICTURES, "settings-conflict.png"), fullPage: true });
  // Mine goes over theirs; what was not touched here stays as they left it.
  await limits.getByRole("button", { name: "Overwrite with mine" }).click();
  await limits.getByText("Somebody else changed this meanwhile.").waitFor({ state: "detached" });
  await expect.poll(settings).toMatchObject({ retentionDays: 61, concurrency: 77 });
  await runs.fill("63");
  await api("PATCH", "/settings", { retentionDays: 64 });
  await limits.getByRole("button", { name: "Save limits" }).click();
  await limits.getByRole("button", { name: "Take theirs" }).click();
  await expect.poll(() => runs.inputValue()).toBe("64");
  expect((await settings())["retentionDays"]).toBe(64);

  const name = form("Name");
  await page.getByLabel("Name of the workspace").fill("Mine");
  await api("PATCH", "/workspace", { name: "Theirs" });
  await name.getByRole("button", { name: "Rename" }).click();
  await name.getByText("Somebody else changed this meanwhile.").waitFor();
  await name.getByRole("button", { name: "Overwrite with mine" }).click();
  await page.getByLabel("Type Mine to delete it").waitFor();
  await api("PATCH", "/workspace", { name: "The shed" });
});

test("deleting or leaving one's only workspace says that nothing is left then", async ({ expect }) => {
  await page.goto(`${signedIn.cronium.url}/settings?tab=workspace`);
  const warning = page.getByText("Your account opens nothing afterwards until somebody invites you into another one.");
  await warning.first().waitFor();
  expect(await warning.count()).toBe(2);
});

test("nobody leaves it without an owner, and a member sees no way to delete it", async ({ expect }) => {
  await page.goto(`${signedIn.cronium.url}/settings?tab=workspace`);
  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Leave" }).click();
  await page.getByText(/is the only owner of this workspace/).waitFor();
  const { link } = await signedIn.cronium.api<{ link: string }>("POST", "/invitations", {
    email: "grace@example.org",
    role: "editor",
  });
  const guest = await openPage(signedIn.browser);
  await guest.page.goto(link);
  await guest.page.getByLabel("Your name").fill("Grace");
  await guest.page.getByLabel("Password", { exact: true }).fill("a long enough password");
  await guest.page.getByRole("button", { name: "Join" }).click();
  await guest.page.waitForURL("**/runs");
  await guest.page.goto(`${signedIn.cronium.url}/settings?tab=workspace`);
  await guest.page.getByRole("button", { name: "Leave" }).waitFor();
  expect(await guest.page.getByRole("button", { name: "Delete the workspace" }).count()).toBe(0);
  await guest.page.context().close();
});

test("it is deleted by its typed name alone, and everybody is out", async ({ expect }) => {
  await page.goto(`${signedIn.cronium.url}/settings?tab=workspace`);
  const typed = page.getByLabel("Type The shed to delete it");
  const button = page.getByRole("button", { name: "Delete the workspace" });
  await typed.fill("the shed");
  expect(await button.getAttribute("aria-disabled")).toBe("true");
  await typed.press("Enter");
  expect((await fetch(`${signedIn.cronium.url}/api/v1/me`, { headers: bearer() })).status).toBe(200);
  await typed.fill("The shed");
  await button.click();
  await page.waitForURL("**/sign-in**");
  expect((await fetch(`${signedIn.cronium.url}/api/v1/me`, { headers: bearer() })).status).toBe(401);
  expect(faults).toEqual([]);
});

function bearer(): Record<string, string> {
  return { authorization: `Bearer ${signedIn.cronium.apiKey}` };
}

/** Adding a runner: the page shows it connecting by itself. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { claimOwner, openBrowser, openPage } from "./browser.ts";
import { type Cronium, end, startCronium } from "./cronium.ts";

const RUNNER = join(import.meta.dirname, "../../../runner/dist/main.js");

let cronium: Cronium;
let browser: Browser;
let page: Page;
let runner: ChildProcess | undefined;

beforeAll(async () => {
  cronium = await startCronium(["--no-runner"]);
  browser = await openBrowser();
  ({ page } = await openPage(browser));
  await claimOwner(page, cronium);
});

afterAll(async () => {
  if (runner !== undefined) {
    await end(runner);
  }
  await browser?.close();
  await cronium?.stop();
});

test("the add sheet mints a token on opening and flips to connected when the runner appears", async ({ expect }) => {
  await page.getByRole("link", { name: "Runners" }).click();
  await page.getByRole("heading", { name: "No runners yet" }).waitFor();
  await page.getByRole("button", { name: "Add a runner" }).first().click();
  const sheet = page.getByRole("dialog", { name: "Add a runner" });
  const command = await sheet.locator("code").first().innerText();
  const token = /crnr_[\w.-]+/.exec(command)?.[0] ?? "";
  expect(command).toContain("/install/cronium-runner.tgz");
  await sheet.getByText(/works once, for another 59 min/).waitFor();
  await sheet.getByText("Waiting for the runner to connect").waitFor();

  const args = ["up", "--token", token, "--name", "e2e-machine", "--data-dir", join(cronium.dataFolder, "e2e-runner")];
  runner = spawn(process.execPath, [RUNNER, ...args], { stdio: "ignore" });
  await sheet.getByText("e2e-machine is connected").waitFor({ timeout: 90_000 });
  const facts = await sheet.locator("dl").innerText();
  expect(facts).toMatch(/linux.*(x64|arm64)/);
  expect(facts).toMatch(/Node\s+v?\d+\./);
  await sheet.getByRole("button", { name: "Close" }).last().click();
  const row = page.getByRole("row", { name: /e2e-machine/ });
  await row.getByText("Online").waitFor();
});

test("its page tells what the machine is and how it does, pauses it with a note, and resumes it", async ({
  expect,
}) => {
  await page.getByRole("link", { name: "e2e-machine" }).click();
  await page.getByRole("heading", { name: "e2e-machine" }).waitFor();
  await page.getByText(/^Linux \d/).waitFor();
  const facts = await page.locator("dl").allInnerTexts();
  expect(facts.join("\n")).toMatch(/Load\s+\d+\.\d\d on \d+ CPU/);
  expect(facts.join("\n")).toMatch(/Disk of its data\s+[\d.]+ [MG]B free of/);
  expect(facts.join("\n")).toMatch(/Interpreters\s+.*Node \d+\./);

  await page.getByRole("button", { name: "Pause" }).click();
  const form = page.getByRole("dialog", { name: "Pause e2e-machine?" });
  await form.getByLabel("Note").fill("moving to new disks");
  await form.getByLabel("Resume by itself").selectOption({ label: "After an hour" });
  await form.getByRole("button", { name: "Pause" }).click();
  await page.locator("header").getByText("Paused").waitFor();
  await page.getByText("moving to new disks").waitFor();
  await page.getByText("Until", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.locator("header").getByText("Online").waitFor();
  await page.getByRole("link", { name: "Runners" }).click();
});

test("a runner that goes away is shown offline without a reload", async () => {
  if (runner !== undefined) {
    await end(runner);
  }
  await page
    .getByRole("row", { name: /e2e-machine/ })
    .getByText("Offline")
    .waitFor({ timeout: 90_000 });
});

test("revoking asks first, ends the runner at once with exit code 77, and shows it disabled", async ({ expect }) => {
  runner = spawn(process.execPath, [RUNNER, "up", "--data-dir", join(cronium.dataFolder, "e2e-runner")], {
    stdio: "ignore",
  });
  const row = page.getByRole("row", { name: /e2e-machine/ });
  await row.getByText("Online").waitFor({ timeout: 90_000 });
  await row.getByRole("button", { name: "Revoke e2e-machine" }).click();
  const question = page.getByRole("dialog", { name: "Revoke e2e-machine?" });
  await question.getByRole("button", { name: "Keep it" }).click();
  await row.getByText("Online").waitFor();
  await row.getByRole("button", { name: "Revoke e2e-machine" }).click();
  const ended = once(runner, "exit");
  await question.getByRole("button", { name: "Revoke", exact: true }).click();
  await row.getByText("Disabled").waitFor();
  expect((await ended)[0]).toBe(77);
  await row.getByRole("button", { name: "Revoke e2e-machine" }).waitFor({ state: "detached" });
});

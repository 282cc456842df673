/** A run that used up its retries: found in the list, and put back as the same run. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { claimOwner, openBrowser, openPage } from "./browser.ts";
import { type Cronium, end, startCronium } from "./cronium.ts";

const RUNNER = join(import.meta.dirname, "../../../runner/dist/main.js");
const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");

let cronium: Cronium;
let browser: Browser;
let page: Page;
const runners: ChildProcess[] = [];

beforeAll(async () => {
  cronium = await startCronium(["--no-runner"]);
  browser = await openBrowser();
  ({ page } = await openPage(browser));
  await claimOwner(page, cronium);
});

afterAll(async () => {
  await Promise.all(runners.map(end));
  await browser?.close();
  await cronium?.stop();
});

interface Run {
  readonly state: string;
  readonly failReason: string | null;
  readonly attempt: number;
  readonly runnerId: string | null;
}

async function startRunner(name: string): Promise<void> {
  const { token } = await cronium.api<{ token: string }>("POST", "/registration-tokens", {});
  const args = ["up", "--token", token, "--name", name, "--data-dir", join(cronium.dataFolder, name)];
  runners.push(spawn(process.execPath, [RUNNER, ...args], { stdio: "ignore" }));
}

test("a dead letter is listed, and requeued as the same run", async ({ expect }) => {
  await page.goto(`${cronium.url}/runs`);
  await page.getByRole("link", { name: "Dead letters" }).click();
  await page.getByRole("heading", { name: "No dead letters" }).waitFor();

  const { runId } = await cronium.api<{ runId: string }>("POST", "/runs", {
    name: "Loses its machines",
    runtime: "bash",
    script: "sleep 120",
    maxAttempts: 2,
  });
  const run = (): Promise<Run> => cronium.api<Run>("GET", `/runs/${runId}`);
  for (const attempt of [1, 2]) {
    await startRunner(`machine-${attempt}`);
    await expect
      .poll(async () => `${(await run()).state} ${(await run()).attempt}`, { timeout: 90_000 })
      .toBe(`running ${attempt}`);
    await fetch(`${cronium.url}/api/v1/runners/${(await run()).runnerId}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${cronium.apiKey}` },
    });
  }
  await expect.poll(async () => (await run()).failReason, { timeout: 90_000 }).toBe("retries_exhausted");

  await expect
    .poll(async () => {
      await page.goto(`${cronium.url}/runs?deadLetter=true`);
      await page.locator("h1").waitFor();
      return page.getByRole("link", { name: "Loses its machines" }).count();
    })
    .toBe(1);
  await page.screenshot({ path: join(PICTURES, "dead-letters.png") });
  await page.goto(`${cronium.url}/runs/${runId}`);
  await page.getByRole("button", { name: "Requeue" }).click();
  await expect.poll(async () => (await run()).state).toBe("queued");
  await page.getByRole("button", { name: "Requeue" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Cancel run" }).waitFor();
});

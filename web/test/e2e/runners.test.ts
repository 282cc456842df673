/** Adding a runner: the page shows it connecting by itself. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { claimOwner, openBrowser, openPage } from "./browser.ts";
import { type Cronium, end, startCronium } from "./cronium.ts";

const RUNNER = join(import.meta.dirname, "../../../runner/dist/main.js");

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");

interface Machine {
  readonly name: string;
  readonly folder: string;
  process: ChildProcess;
}

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly paused: unknown;
}

let cronium: Cronium;
let browser: Browser;
let page: Page;
/** The machine of these stories; none before the first, nor once it was revoked. */
let machine: Machine | undefined;
let machines = 0;
const programs: ChildProcess[] = [];

beforeAll(async () => {
  cronium = await startCronium(["--no-runner"]);
  browser = await openBrowser();
  ({ page } = await openPage(browser));
  await claimOwner(page, cronium);
});

afterAll(async () => {
  await Promise.all(programs.map(end));
  await browser?.close();
  await cronium?.stop();
});

/** Registers a machine under a name of its own, so that a story may be told again. */
function register(token: string): Machine {
  machines += 1;
  const name = `e2e-machine-${machines}`;
  const folder = join(cronium.dataFolder, name);
  return { name, folder, process: up(folder, "--token", token, "--name", name) };
}

function up(folder: string, ...options: readonly string[]): ChildProcess {
  const program = spawn(process.execPath, [RUNNER, "up", "--data-dir", folder, ...options], { stdio: "ignore" });
  programs.push(program);
  return program;
}

/** The machine, whatever an earlier story, or a try of this one, has left of it: its program runs, and the list shows it. */
async function connected(): Promise<Machine> {
  if (machine === undefined) {
    const { token } = await cronium.api<{ token: string }>("POST", "/registration-tokens", {});
    machine = register(token);
  } else if (machine.process.exitCode !== null || machine.process.signalCode !== null) {
    machine.process = up(machine.folder);
  }
  const { name } = machine;
  const { items } = await cronium.api<{ items: readonly Listed[] }>("GET", "/runners");
  for (const { id } of items.filter((one) => one.name === name && one.paused !== null)) {
    await cronium.api("POST", `/runners/${id}/resume`, {});
  }
  await page.goto(`${cronium.url}/runners`);
  await rowOf(machine).getByText("Online").waitFor({ timeout: 90_000 });
  return machine;
}

const rowOf = ({ name }: Machine): Locator => page.getByRole("row", { name: new RegExp(name) });

test("the add sheet mints a token on opening and flips to connected when the runner appears", async ({ expect }) => {
  await page.goto(`${cronium.url}/runners`);
  if (machines === 0) {
    await page.getByRole("heading", { name: "No runners yet" }).waitFor();
  }
  await page.getByRole("button", { name: "Add a runner" }).first().click();
  const sheet = page.getByRole("dialog", { name: "Add a runner" });
  const command = await sheet.locator("code").first().innerText();
  const token = /crnr_[\w.-]+/.exec(command)?.[0] ?? "";
  expect(command).toContain("/install/cronium-runner.tgz");
  await sheet.getByText(/works once, for another 59 min/).waitFor();
  await sheet.getByText("Waiting for the runner to connect").waitFor();

  machine = register(token);
  await sheet.getByText(`${machine.name} is connected`).waitFor({ timeout: 90_000 });
  const facts = await sheet.locator("dl").innerText();
  expect(facts).toMatch(/linux.*(x64|arm64)/);
  expect(facts).toMatch(/Node\s+v?\d+\./);
  await sheet.getByRole("button", { name: "Close" }).last().click();
  await rowOf(machine).getByText("Online").waitFor();
});

test("its page tells what the machine is and how it does, pauses it with a note, and resumes it", async ({
  expect,
}) => {
  const { name } = await connected();
  await page.getByRole("link", { name }).click();
  await page.getByRole("heading", { name }).waitFor();
  await page.getByText(/^Linux \d/).waitFor();
  const facts = (): Promise<string> =>
    page
      .locator("dl")
      .allInnerTexts()
      .then((texts) => texts.join("\n"));
  // Its machine is measured now and then; the first measure may not have come.
  await expect.poll(facts, { timeout: 60_000 }).toMatch(/Load\s+\d+\.\d\d on \d+ CPU/);
  await expect.poll(facts, { timeout: 60_000 }).toMatch(/Disk of its data\s+[\d.]+ [MG]B free of/);
  expect(await facts()).toMatch(/Interpreters\s+.*Node \d+\./);

  await page.getByRole("button", { name: "Pause" }).click();
  const form = page.getByRole("dialog", { name: `Pause ${name}?` });
  await form.getByLabel("Note").fill("moving to new disks");
  await form.getByLabel("Resume by itself").selectOption({ label: "After an hour" });
  await form.getByRole("button", { name: "Pause" }).click();
  await page.locator("header").getByText("Paused").waitFor();
  await page.getByText("moving to new disks").waitFor();
  await page.getByText("Until", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.locator("header").getByText("Online").waitFor();
});

interface Paused {
  readonly id: string;
  readonly pause: { readonly since: string };
}

// Its times lie ten seconds apart, which is the least there is, and it waits for five of them.
test(
  "a schedule fires, says why it did not while no runner was there, and makes up for what it missed",
  {
    timeout: 400_000,
  },
  async ({ expect }) => {
    const greeter = await connected();
    // The newest event is the one that a new schedule proposes.
    const [newest] = (await cronium.api<{ items: { name: string }[] }>("GET", "/events")).items;
    if (newest?.name !== "Greets") {
      await cronium.api("POST", "/events", { name: "Greets", runtime: "bash", script: "echo hello" });
    }
    for (const { id } of (await cronium.api<{ items: { id: string }[] }>("GET", "/schedules")).items) {
      await cronium.api("DELETE", `/schedules/${id}`);
    }
    await page.goto(`${cronium.url}/schedules`);
    await page.getByRole("button", { name: "New schedule" }).first().click();
    const sheet = page.getByRole("dialog", { name: "New schedule" });
    await sheet.getByLabel("Name", { exact: true }).fill("often");
    await sheet.getByLabel("Time zone").fill("UTC");
    await sheet.getByLabel("Repeats").selectOption({ label: "On days of the week" });
    expect(await sheet.getByLabel("Cron pattern").inputValue()).toBe("0 3 * * 1-5");
    await sheet.getByText("At 03:00, Monday through Friday, UTC").waitFor();
    await sheet.getByLabel("Time zone").fill("America/New_York");
    await sheet.getByLabel("Cron pattern").fill("30 2 * * *");
    await sheet.getByText(/^Clocks go forward on .* and leave this time out: it fires at 03:00/).waitFor();
    await sheet.getByLabel("Time zone").fill("UTC");
    await sheet.getByLabel("Fires").selectOption({ label: "Evenly, again and again" });
    await sheet.getByLabel("Every", { exact: true }).fill("5 s");
    await sheet.getByRole("button", { name: "Create the schedule" }).click();
    await sheet.getByText("Not saved: a field above says what is wrong.").waitFor();
    await sheet.getByLabel("Every", { exact: true }).fill("10 s");
    await sheet.getByRole("button", { name: "Create the schedule" }).click();
    await page.getByRole("link", { name: "often" }).click();
    const times = page.getByRole("table", { name: "Times" });
    const ran = times.getByRole("row", { name: /Run It was due/ });
    await ran.first().waitFor({ timeout: 40_000 });
    await ran.last().getByRole("link", { name: "Open the run" }).click();
    await page.locator("header").getByText("Succeeded").waitFor({ timeout: 60_000 });
    await page.locator("header").getByRole("link", { name: "often" }).click();

    await end(greeter.process);
    await times
      .getByRole("row", { name: /Skipped The run of .* was still going/ })
      .first()
      .waitFor({
        timeout: 60_000,
      });
    const waiting = await ran.first().getByRole("time").getAttribute("datetime");
    await page.getByLabel(/Why did it not run at/).fill((waiting ?? "").slice(0, 19));
    await page.getByRole("button", { name: "Ask" }).click();
    const answer = page.getByRole("region", { name: "Why did it not run?" });
    await answer.getByText(/^Its run waits in the queue/).waitFor();
    expect(await answer.innerText()).toMatch(/runner/);
    await page.screenshot({ path: join(PICTURES, "schedule-waits.png"), fullPage: true });

    greeter.process = up(greeter.folder);
    await answer.getByText(/^It ran and succeeded/).waitFor({ timeout: 60_000 });

    await page.getByRole("button", { name: "Pause", exact: true }).click();
    const pause = page.getByRole("dialog", { name: "Pause often" });
    await pause.getByLabel("Note").fill("new disks");
    await pause.getByRole("button", { name: "Pause" }).click();
    await page.getByText("new disks").waitFor();
    const [paused] = (await cronium.api<{ items: Paused[] }>("GET", "/schedules")).items;
    const passed = async (): Promise<string> =>
      (await cronium.api<{ before: string }>("GET", `/schedules/${paused?.id}/why`)).before;
    const { since } = paused?.pause ?? { since: "" };
    await expect.poll(async () => (await passed()) > since, { timeout: 60_000 }).toBe(true);
    const missed = await passed();
    await page.getByRole("button", { name: "Resume" }).click();
    const resume = page.getByRole("dialog", { name: "Resume often" });
    await resume.getByLabel(/What becomes/).selectOption({ label: "Run the newest ten" });
    await resume.getByRole("button", { name: "Resume" }).click();
    const madeUp = times.getByRole("row").filter({ has: page.locator(`time[datetime="${missed}"]`) });
    await madeUp.getByText("Run", { exact: true }).first().waitFor({ timeout: 40_000 });
    await page.screenshot({ path: join(PICTURES, "schedule-story.png"), fullPage: true });

    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog", { name: "Delete often?" }).getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { name: "No schedules yet" }).waitFor();
  },
);

test("a runner that goes away is shown offline without a reload", async () => {
  const leaving = await connected();
  await end(leaving.process);
  await rowOf(leaving).getByText("Offline").waitFor({ timeout: 90_000 });
});

test("revoking asks first, ends the runner at once with exit code 77, and shows it disabled", async ({ expect }) => {
  const revoked = await connected();
  // Whatever becomes of this story, the next try has a machine of its own.
  machine = undefined;
  const row = rowOf(revoked);
  const { name } = revoked;
  await row.getByRole("button", { name: `Revoke ${name}` }).click();
  const question = page.getByRole("dialog", { name: `Revoke ${name}?` });
  await question.getByRole("button", { name: "Keep it" }).click();
  await row.getByText("Online").waitFor();
  await row.getByRole("button", { name: `Revoke ${name}` }).click();
  const ended = once(revoked.process, "exit");
  await question.getByRole("button", { name: "Revoke", exact: true }).click();
  await row.getByText("Disabled").waitFor();
  expect((await ended)[0]).toBe(77);
  await row.getByRole("button", { name: `Revoke ${name}` }).waitFor({ state: "detached" });
});

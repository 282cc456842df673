/** Editing an event: saving, running, leaving, and two people at once. No runner is needed. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { writeCode } from "./browser.ts";
import { type SignedIn, startSignedIn } from "./signed-in.ts";

interface Event {
  readonly id: string;
  readonly version: number;
  readonly script: string;
  readonly timeoutMs: number;
  readonly labels: Readonly<Record<string, string>>;
}

let signedIn: SignedIn;
let page: Page;
let faults: readonly string[];

beforeAll(async () => {
  signedIn = await startSignedIn();
  ({ page, faults } = signedIn);
});

afterAll(() => signedIn?.stop());

async function openEditor(name: string): Promise<Event> {
  const event = await signedIn.cronium.api<Event>("POST", "/events", { name, runtime: "bash", script: "echo one\n" });
  await page.goto(`${signedIn.cronium.url}/events/${event.id}/edit`);
  await page.locator("[data-code-editor=editor]").waitFor();
  return event;
}

function stored(event: Event): Promise<Event> {
  return signedIn.cronium.api<Event>("GET", `/events/${event.id}`);
}

test("Mod+S saves a new version, and the published promise stands beside the retry settings", async ({ expect }) => {
  const event = await openEditor("Saved by key");
  expect(await page.getByRole("complementary").innerText()).toContain("At most one result is accepted per run.");
  await writeCode(page, "Script", "echo two\n");
  await page.getByText("Unsaved changes").waitFor();
  await page.keyboard.press("ControlOrMeta+s");
  await page.getByText("Saved as version 2").waitFor();
  expect(await stored(event)).toMatchObject({ version: 2, script: "echo two\n" });
});

test("settings are checked before they are sent, and a label that no runner carries is said at once", async ({
  expect,
}) => {
  const event = await openEditor("Settings");
  await page.getByLabel("Timeout").fill("soon");
  await page.getByLabel("Labels").fill("gpu=yes");
  await page.getByText("No runner carries gpu=yes").waitFor();
  await page.getByRole("button", { name: "Save event" }).click();
  await page.getByText("Write a time such as 90 s").waitFor();
  expect((await stored(event)).version).toBe(1);
  await page.getByLabel("Timeout").fill("5 min");
  await page.getByLabel("Environment").fill("PATH=/evil");
  await page.getByRole("button", { name: "Save event" }).click();
  await page.getByText(/PATH belongs to the system/).waitFor();
  await page.getByLabel("Environment").fill("MODE=fast");
  await page.getByRole("button", { name: "Save event" }).click();
  await page.getByText("Saved as version 2").waitFor();
  expect(await stored(event)).toMatchObject({ timeoutMs: 300_000, labels: { gpu: "yes" } });
});

test("leaving with unsaved edits asks first, and staying keeps them", async ({ expect }) => {
  await openEditor("Unsaved");
  await writeCode(page, "Script", "echo precious\n");
  await page.getByRole("link", { name: "Runners" }).click();
  const dialog = page.getByRole("dialog", { name: "Leave without saving?" });
  await dialog.getByRole("button", { name: "Keep editing" }).click();
  await dialog.waitFor({ state: "detached" });
  expect(await page.locator(".cm-content").first().innerText()).toContain("echo precious");
  await page.getByRole("link", { name: "Runners" }).click();
  await dialog.getByRole("button", { name: "Discard changes" }).click();
  await page.getByRole("heading", { name: "Runners", level: 1 }).waitFor();
});

test("B40 an edit of an old version shows both, and a merge keeps both", async ({ expect }) => {
  const event = await openEditor("Two editors");
  await writeCode(page, "Script", "echo mine\n");
  await signedIn.cronium.api("PATCH", `/events/${event.id}`, {
    version: 1,
    script: "echo theirs\n",
    timeoutMs: 90_000,
  });
  await page.getByRole("button", { name: "Save event" }).click();
  const dialog = page.getByRole("dialog", { name: "Someone saved this event meanwhile" });
  await dialog.locator(".cm-content").getByText("echo theirs").waitFor();
  await dialog.locator(".cm-content").getByText("echo mine").waitFor();
  expect((await stored(event)).script).toBe("echo theirs\n");
  await writeCode(page, "Your version", "echo theirs\necho mine\n");
  await dialog.getByRole("button", { name: "Save my version" }).click();
  await page.getByText("Saved as version 3").waitFor();
  expect((await stored(event)).script).toBe("echo theirs\necho mine\n");
});

test("B40 the other version can be taken instead", async ({ expect }) => {
  const event = await openEditor("Taken");
  await writeCode(page, "Script", "echo mine\n");
  await signedIn.cronium.api("PATCH", `/events/${event.id}`, { version: 1, script: "echo theirs\n" });
  await page.keyboard.press("ControlOrMeta+s");
  await page.getByRole("button", { name: "Take the saved version" }).click();
  await page.locator(".cm-content").getByText("echo theirs").waitFor();
  expect((await stored(event)).version).toBe(2);
  expect(await page.getByRole("button", { name: "Save event" }).getAttribute("aria-disabled")).toBe("true");
});

test("Mod+Enter saves and runs, and a run without a runner says why it waits and how to change that", async ({
  expect,
}) => {
  const event = await openEditor("Runs from the editor");
  await writeCode(page, "Script", "echo changed\n");
  await page.keyboard.press("ControlOrMeta+Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("No runner is online").waitFor();
  await dialog.getByRole("button", { name: "Start run" }).click();
  await page.waitForURL(/\/runs\/run_/);
  expect((await stored(event)).version).toBe(2);
  const main = page.getByRole("main");
  await main.getByText("Queued", { exact: true }).first().waitFor();
  await main.getByRole("link", { name: "Add a runner" }).waitFor();
  await page.getByRole("button", { name: "Cancel run" }).click();
  await main.getByText("Cancelled", { exact: true }).first().waitFor();
});

test("versions are listed with their scripts", async ({ expect }) => {
  const event = await openEditor("History");
  await signedIn.cronium.api("PATCH", `/events/${event.id}`, { version: 1, script: "echo newer\n" });
  await page.goto(`${signedIn.cronium.url}/events/${event.id}?tab=versions`);
  await page.locator(".cm-content").getByText("echo newer").waitFor();
  await page.getByRole("button", { name: "Version 1" }).click();
  await page.locator(".cm-content").getByText("echo one").waitFor();
  expect(faults).toEqual([]);
});

test("B19 the container of a job is set, checked and taken back", async ({ expect }) => {
  const event = await openEditor("In a container");
  await page.getByLabel("Image").fill("team/app");
  await page.getByText("Another image may stand under this name tomorrow").waitFor();
  await page.getByLabel("Image").fill("img;rm");
  await page.getByRole("button", { name: "Save event" }).click();
  await page.getByText("must be an image such as repository:tag").waitFor();
  await page.getByLabel("Image").fill("team/app:1.2");
  await page.getByLabel("Network").selectOption("allowlist");
  await page.getByLabel("Hosts").fill("api.example.com\n*.example.org:8443\n");
  await page.getByText("Advanced", { exact: true }).click();
  await page.getByLabel("Processors").fill("half");
  await page.getByRole("button", { name: "Save event" }).click();
  await page.getByText("Processors: write a number.").waitFor();
  await page.getByLabel("Processors").fill("0.5");
  await page.getByLabel("Interpreter").selectOption("true");
  await page.getByLabel("Keep what failed for a look").selectOption("600000");
  await page.getByRole("button", { name: "Save event" }).click();
  await page.getByText("Saved as version 2").waitFor();
  expect(await stored(event)).toMatchObject({
    version: 2,
    container: {
      image: "team/app:1.2",
      network: { mode: "allowlist", hosts: ["api.example.com", "*.example.org:8443"] },
      cpus: 0.5,
      isolated: true,
      keepFailedMs: 600_000,
    },
  });
  await page.getByLabel("Image").fill("");
  await page.getByLabel("Network").selectOption("none");
  await page.getByLabel("Processors").fill("2");
  await page.getByLabel("Interpreter").selectOption("false");
  await page.getByLabel("Keep what failed for a look").selectOption("0");
  await page.getByRole("button", { name: "Save event" }).click();
  await page.getByText("Saved as version 3").waitFor();
  expect(await stored(event)).toMatchObject({ version: 3, container: {} });
});

test("an event is told to start another, and the runs lead to each other", async ({ expect }) => {
  const { api, url } = signedIn.cronium;
  await api("POST", "/events", { name: "Report of it", runtime: "bash", script: "true" });
  const event = await openEditor("Starts a report");
  const save = page.getByRole("button", { name: "Save event" });
  await page.getByRole("button", { name: "Add an event to start" }).click();
  await save.click();
  await page.getByText("Choose the event that starts.").waitFor();
  const row = page.getByRole("group", { name: "Started event 1" });
  await row.getByLabel("Event").selectOption({ label: "Report of it" });
  await row.getByLabel("When the run").selectOption({ label: "ends in any way" });
  await row.getByLabel("Input (JSONata)").fill("output.(");
  await save.click();
  await row.getByText("is not accepted").waitFor();
  await row.getByLabel("Input (JSONata)").fill('{"state": run.state}');
  await save.click();
  await page.getByText("Saved as version 2").waitFor();

  const { runId } = await api<{ runId: string }>("POST", `/events/${event.id}/runs`, {});
  await page.goto(`${url}/runs/${runId}`);
  await page.getByRole("button", { name: "Cancel run" }).click();
  await page.getByRole("region", { name: "Started runs" }).getByRole("link", { name: "Report of it" }).click();
  await page.getByText("because it ended").waitFor();
  await page.getByRole("link", { name: "a run of Starts a report" }).waitFor();
  await page.getByRole("tab", { name: "Input" }).click();
  await page.getByText("cancelled").first().waitFor();
  expect(faults).toEqual([]);
});

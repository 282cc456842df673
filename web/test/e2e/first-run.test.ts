/** From the claim link to a watched result, on a real control plane, runner and Docker. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { openBrowser, openPage, OWNER, signIn, writeCode } from "./browser.ts";
import { type Cronium, startCronium } from "./cronium.ts";
import { layWire } from "./wire.ts";

const COUNTING = `import cronium, time
data = cronium.input()
for i in range(1, data["to"] + 1):
    print("\\033[32mstep\\033[0m", i, flush=True)
    time.sleep(0.5)
cronium.output({"counted": data["to"]})
`;

let cronium: Cronium;
let browser: Browser;
let page: Page;
let faults: readonly string[];

beforeAll(async () => {
  cronium = await startCronium();
  browser = await openBrowser();
  ({ page, faults } = await openPage(browser));
});

afterAll(async () => {
  await browser?.close();
  await cronium?.stop();
});

test("a claim link makes the owner account, and its token leaves the address bar", async ({ expect }) => {
  await page.goto(cronium.claimUrl);
  await page.getByLabel("Your name").waitFor();
  expect(page.url()).toBe(`${cronium.url}/claim`);

  await page.getByRole("button", { name: "Claim and sign in" }).click();
  await page.getByText("Enter an e-mail address").waitFor();

  await page.getByLabel("Your name").fill(OWNER.name);
  await page.getByLabel("E-mail").fill(OWNER.email);
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Claim and sign in" }).click();
  await page.getByText("Use at least 10 characters.").waitFor();

  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Claim and sign in" }).click();
  await page.getByRole("heading", { name: "Events", level: 1 }).waitFor();
  await page.getByRole("link", { name: "Back up the shop database" }).first().waitFor();
  await page.goBack();
  expect(page.url()).not.toContain("crnc_");
});

test("a used claim link says what to do", async ({ expect }) => {
  const other = await openPage(browser);
  await other.page.goto(cronium.claimUrl);
  await other.page.getByLabel("Your name").fill("Mallory");
  await other.page.getByLabel("E-mail").fill("mallory@example.org");
  await other.page.getByLabel("Password").fill("long enough password");
  await other.page.getByRole("button", { name: "Claim and sign in" }).click();
  await expect
    .poll(() => other.page.getByRole("alert").innerText(), { timeout: 90_000 })
    .toContain("Run the start command again");
  await other.page.context().close();
});

test("an event is written, run with an input and watched live to its result", async ({ expect }) => {
  await page.goto(`${cronium.url}/events`);
  await page.getByRole("link", { name: "New event" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Count slowly");
  await page.getByLabel("Runtime").selectOption("python");
  await writeCode(page, "Script", COUNTING);
  await page.getByRole("button", { name: "Create event" }).click();
  await page.getByRole("heading", { name: /Count slowly/ }).waitFor();

  await page.getByRole("button", { name: "Run event" }).click();
  const dialog = page.getByRole("dialog");
  await writeCode(page, "Input as JSON", '{"to": 6, "to": 7}');
  await dialog.getByText(/appears twice/).waitFor();
  await writeCode(page, "Input as JSON", '{"to": 6');
  await dialog.getByText(/line 1, column 9/).waitFor();
  await writeCode(page, "Input as JSON", '{"to": 6}');
  await dialog.getByRole("button", { name: "Start run" }).click();

  await page.waitForURL(/\/runs\/run_/);
  const log = page.getByRole("log");
  await log.getByText("step 1", { exact: true }).waitFor();
  expect(await page.getByRole("main").getByText("Running", { exact: true }).first().isVisible()).toBe(true);
  await log.getByText("step 6", { exact: true }).waitFor();
  await page.getByRole("main").getByText("Succeeded", { exact: true }).first().waitFor();
  expect(await log.locator(".ansi-f2").first().innerText()).toBe("step");
  expect(await log.getByText(/^step \d$/).count()).toBe(6);
  await page.getByRole("tab", { name: "Result" }).click();
  await page.getByText('"counted": 6').waitFor();
  expect(page.url()).toContain("tab=result");
});

test("a finished log opens whole, from its first line, and a link lands on its line", async ({ expect }) => {
  const { runId } = await cronium.api<{ runId: string }>("POST", "/runs", {
    name: "Many lines",
    runtime: "bash",
    script: "seq -f 'line %.0f' 1 120000",
  });
  await page.goto(`${cronium.url}/runs/${runId}`);
  await page.getByText("120,000 lines").waitFor({ timeout: 90_000 });
  await page.getByRole("main").getByText("Succeeded", { exact: true }).first().waitFor({ timeout: 90_000 });
  await page.goto(`${cronium.url}/runs`);
  await page.goto(`${cronium.url}/runs/${runId}#L60000`);
  const line = page.getByRole("log").getByText("line 60000", { exact: true });
  await line.waitFor();
  const area = await page.getByRole("log").boundingBox();
  const box = await line.boundingBox();
  expect(Math.abs((box?.y ?? 0) - ((area?.y ?? 0) + (area?.height ?? 0) / 2))).toBeLessThan(40);
  expect(await page.getByRole("log").locator("[class*='h-[18px]']").count()).toBeLessThan(200);
  await page.getByText("120,000 lines").waitFor();
  await page.getByRole("log").focus();
  await page.keyboard.press("End");
  await page.getByRole("log").getByText("line 120000", { exact: true }).waitFor();
  await page.keyboard.press("Home");
  await page.getByRole("log").getByText("line 1", { exact: true }).waitFor();
});

test("reading back in a live log stops following, and one button returns to the end", async ({ expect }) => {
  const { runId } = await cronium.api<{ runId: string }>("POST", "/runs", {
    name: "Talks on",
    runtime: "bash",
    script: "seq -f 'old %.0f' 1 500; for i in $(seq 1 600); do echo new $i; sleep 0.1; done",
  });
  await page.goto(`${cronium.url}/runs/${runId}`);
  await page.getByText("Following").waitFor({ timeout: 90_000 });
  await page
    .getByRole("log")
    .getByText(/^new \d+$/)
    .first()
    .waitFor();
  await page.getByRole("log").hover();
  await page.mouse.wheel(0, -4_000);
  const top = await page.getByRole("log").evaluate((element) => element.scrollTop);
  const jump = page.getByRole("button", { name: /Jump to live \(\d+ new\)/ });
  await jump.waitFor();
  await page.getByRole("button", { name: /Jump to live \((?:[5-9]|\d\d+) new\)/ }).waitFor();
  expect(await page.getByRole("log").evaluate((element) => element.scrollTop)).toBe(top);
  await jump.click();
  await page.getByText("Following").waitFor();

  await page.getByRole("button", { name: "Cancel run" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Keep running" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Cancel run" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel run" }).click();
  await page.getByRole("main").getByText("Cancelled", { exact: true }).first().waitFor({ timeout: 90_000 });
});

test("a broken connection is said, and the log goes on behind its last byte without a repeat or a hole", async ({
  expect,
}) => {
  const wire = await layWire(cronium.url);
  try {
    const { runId } = await cronium.api<{ runId: string }>("POST", "/runs", {
      name: "Outlives a broken wire",
      runtime: "bash",
      script: "for i in $(seq 1 90); do echo tick $i; sleep 0.1; done",
    });
    await page.goto(`${wire.url}/runs/${runId}`);
    const log = page.getByRole("log");
    await log.getByText("tick 5", { exact: true }).waitFor();
    wire.cut();
    await page.getByText("Live connection lost").waitFor();
    await page.getByText("Reconnecting", { exact: true }).waitFor();
    wire.mend();
    await page.getByText("Live connection lost").waitFor({ state: "detached", timeout: 90_000 });
    await page.getByRole("main").getByText("Succeeded", { exact: true }).first().waitFor({ timeout: 90_000 });
    await page.getByText("90 lines").waitFor();
    const seen = new Set<string>();
    const read = async (): Promise<readonly string[]> => (await log.innerText()).match(/tick \d+/g) ?? [];
    await log.focus();
    for (const key of ["Home", "PageDown", "End"]) {
      await page.keyboard.press(key);
      await expect
        .poll(read, { timeout: 90_000 })
        .toContain({ Home: "tick 1", PageDown: "tick 45", End: "tick 90" }[key]);
      const shown = await read();
      expect(shown.length).toBe(new Set(shown).size);
      shown.forEach((line) => seen.add(line));
    }
    expect([...seen]).toEqual(expect.arrayContaining(Array.from({ length: 90 }, (_, at) => `tick ${at + 1}`)));
  } finally {
    await wire.close();
  }
});

test("a failed run shows cause, exit code and the last lines of stderr", async ({ expect }) => {
  const { runId } = await cronium.api<{ runId: string }>("POST", "/runs", {
    name: "Breaks",
    runtime: "bash",
    script: "echo fine; echo 'cannot find the thing' >&2; exit 3",
  });
  await page.goto(`${cronium.url}/runs/${runId}`);
  await page.getByRole("main").getByText("Failed", { exact: true }).first().waitFor({ timeout: 90_000 });
  await page.getByText("Last line of stderr").waitFor();
  const main = await page.getByRole("main").innerText();
  expect(main).toContain("cannot find the thing");
  expect(main).toMatch(/code 3|Exit code\s+3/);
});

test("T15 B49 a hostile log is shown inert", async ({ expect }) => {
  const script = String.raw`import sys
w = sys.stdout.write
w('<img src=x onerror=alert(1)><script>alert(2)</script>\n')
w('\x1b]8;;javascript:alert(3)\x1b\\click\x1b]8;;\x1b\\\n')
w('\x1b]8;;https://evil.example/\x1b\\safe looking\x1b]8;;\x1b\\\n')
w('\x1b[2J\x1b[Hstill here\n')
w('user \u202etxt.exe\n')
w('secret\rshown\n')
w('::error::deploy failed\n::set-output name=x::y\n##vso[task.complete]done\n')
w('\x1b[31m\x1b[0m' * 1_000 + 'after the bomb\n' + '\x1b[31m\x1b[0m' * 50_000 + '\n')
w('\x1b]0;' + 'title' * 1_000 + '\n\x1bPq' + '#' * 1_000 + '\n')
w('\x1b[' + ';'.join(['9'] * 2_000) + 'mstill plain\n')
w('1%\r' * 20_000 + 'progress ends\n')
w('\r\r\r\rreturned\n\x1b[1A\x1b[2Kabove\n')
w('##[group]<b onmouseover=alert(4)>\u202etitle</b> https://safe.example/\ninside\n##[endgroup]\n')
sys.stdout.flush()
sys.stdout.buffer.write(b'bad \xff\xfe bytes\n')
sys.stdout.buffer.write(b'x' * 1_000_000 + b'\nlast line\n')`;
  const { runId } = await cronium.api<{ runId: string }>("POST", "/runs", {
    name: "Hostile",
    runtime: "python",
    script,
  });
  await page.goto(`${cronium.url}/runs/${runId}`);
  const log = page.getByRole("log");
  await page.getByRole("main").getByText("Succeeded", { exact: true }).first().waitFor({ timeout: 90_000 });
  await log.getByText("last line", { exact: true }).waitFor();
  const text = await log.innerText();
  for (const expected of [
    "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "still here",
    "⟨U+202E⟩txt.exe",
    "bad \uFFFD\uFFFD bytes",
    "(evil.example)",
    "::error::deploy failed",
    "::set-output name=x::y",
    "##vso[task.complete]done",
    "after the bomb",
    "still plain",
    "progress ends",
    "returned",
    "above",
    "<b onmouseover=alert(4)>⟨U+202E⟩title</b>",
    "inside",
  ]) {
    expect(text).toContain(expected);
  }
  expect(text).toMatch(/more characters; download/);
  expect(text).not.toContain("secret");
  // Annotations of other systems are no errors here, and nothing was written over the lines before.
  expect(await log.getByRole("link", { name: /an error|a warning/ }).count()).toBe(0);
  expect(await log.locator("img, script, iframe, b").count()).toBe(0);
  await log.getByTitle("Overwritten 1 times").first().click();
  await log.getByText("secret␍shown").waitFor();
  await log.getByText("<b onmouseover=alert(4)>").hover();
  const hrefs = await log
    .locator("a[target]")
    .evaluateAll((links) => links.map((link) => [link.getAttribute("href"), link.getAttribute("rel")]));
  expect(hrefs).toEqual([
    ["https://evil.example/", "noopener noreferrer"],
    ["https://safe.example/", "noopener noreferrer"],
  ]);
  expect(page.url()).toBe(`${cronium.url}/runs/${runId}`);
  expect(faults).toEqual([]);
});

test("groups of a log fold by click, by keyboard and in the address bar, and levels pick its lines", async ({
  expect,
}) => {
  const { runId } = await cronium.api<{ runId: string }>("POST", "/runs", {
    name: "Grouped",
    runtime: "python",
    script: `import cronium
print("before")
with cronium.log_group("Build"):
    print("one")
    print("WARNING slow")
    with cronium.log_group("Inner"):
        print("ERROR two")
print("after")`,
  });
  await page.goto(`${cronium.url}/runs/${runId}`);
  const log = page.getByRole("log");
  await page.getByRole("main").getByText("Succeeded", { exact: true }).first().waitFor({ timeout: 90_000 });
  const lines = async (): Promise<string> => (await log.innerText()).replace(/\s*\d*\s*\n+\s*/g, " ");
  const build = log.getByRole("button", { name: "Group Build" });
  await build.waitFor();
  expect(await log.innerText()).not.toContain("##[");

  await build.click();
  await log.getByText("4 lines, 1 error").waitFor();
  expect(await build.getAttribute("aria-expanded")).toBe("false");
  expect(await log.innerText()).not.toContain("one");
  expect(await lines()).toContain("after");
  expect(new URL(page.url()).searchParams.get("fold")).toBe("L2");
  await page.reload();
  await log.getByText("4 lines, 1 error").waitFor();

  await build.focus();
  await page.keyboard.press("ArrowRight");
  await log.getByText("ERROR two").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await log.getByText("1 line, 1 error").waitFor();
  await page.getByRole("button", { name: "Fold groups" }).click();
  await log.getByText("4 lines, 1 error").waitFor();

  // A link to a line opens what is around it.
  await page.goto(`${cronium.url}/runs/${runId}?fold=all#L6`);
  await log.getByText("ERROR two").waitFor();
  expect(await log.getByRole("link", { name: "Link to line 6, an error" }).count()).toBe(1);

  await page.getByLabel("Levels").selectOption("Errors");
  await log.getByText("one", { exact: true }).waitFor({ state: "detached" });
  expect(await log.innerText()).toContain("ERROR two");
  await page.getByLabel("Levels").selectOption("Warnings and errors");
  await log.getByText("WARNING slow").waitFor();
  expect(await log.innerText()).not.toContain("before");
  expect(new URL(page.url()).searchParams.get("level")).toBe("warning");

  const saving = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download" }).click();
  const saved = await (await saving).createReadStream();
  let whole = "";
  for await (const piece of saved) {
    whole += String(piece);
  }
  expect(whole).toBe(
    "before\n##[group]Build\none\nWARNING slow\n##[group]Inner\nERROR two\n##[endgroup]\n##[endgroup]\nafter\n",
  );
  expect(faults).toEqual([]);
});

test("new runs wait behind a button, and rows that are shown change in place", async ({ expect }) => {
  await page.goto(`${cronium.url}/runs`);
  await page.getByRole("table", { name: "Runs" }).waitFor();
  const first = await page.getByRole("row").nth(1).innerText();
  const { runId } = await cronium.api<{ runId: string }>("POST", "/runs", {
    name: "Newcomer",
    runtime: "bash",
    script: "sleep 3",
  });
  const show = page.getByRole("button", { name: "Show 1 new run" });
  await show.waitFor();
  expect(await page.getByRole("row").nth(1).innerText()).toContain(first.split("\n")[1] ?? first);
  await show.click();
  const row = page.getByRole("row", { name: /Newcomer/ });
  await row.waitFor();
  await row.getByText("Succeeded").first().waitFor({ timeout: 90_000 });
  await page.getByRole("link", { name: "Failed", exact: true }).click();
  await page.waitForURL(/state=failed/);
  await page.getByRole("row", { name: /Breaks/ }).waitFor();
  expect(await page.getByRole("row", { name: /Newcomer/ }).count()).toBe(0);
  expect(runId).toMatch(/^run_/);
});

test("T17 signing out ends the session, and signing in returns to the page that was asked for", async ({ expect }) => {
  await page.getByRole("button", { name: /Account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto(`${cronium.url}/runners?add=false`);
  await page.getByText("Your session has ended").waitFor();
  await page.getByLabel("E-mail").fill(OWNER.email);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect
    .poll(() => page.getByRole("alert").innerText(), { timeout: 90_000 })
    .toContain("E-mail or password is not right");
  await signIn(page);
  await page.getByRole("heading", { name: "Runners", level: 1 }).waitFor();
  await page.getByRole("row", { name: /local/ }).getByText("Online").waitFor();
  expect(faults).toEqual([]);
});

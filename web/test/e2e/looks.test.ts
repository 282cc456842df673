/** Every page in both themes: no serious finding of axe, no sideways scrolling, and a picture to look at. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { claimOwner, openBrowser, openPage, type WatchedPage } from "./browser.ts";
import { type Cronium, startCronium } from "./cronium.ts";

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");
const SIZES = [
  { width: 360, height: 760 },
  { width: 1024, height: 768 },
  { width: 1440, height: 900 },
] as const;
const LONG_NAME = "Nightly backup of the customer database with consistency check and upload ".padEnd(200, "x");
const COLOURS = `for i in $(seq 0 7); do printf '\\033[3%dmcolour\\033[0m \\033[9%dmbright\\033[0m \\033[4%dmback\\033[0m ' $i $i $i; done
printf '\\033[38;2;255;230;0myellow\\033[0m \\033[38;5;19mnavy\\033[0m \\033[2mdim\\033[0m \\033[7minverse\\033[0m\\n'
echo '##[group]Before' ; echo 'WARN nearly full' ; echo 'ERROR full' ; echo '##[endgroup]'
echo 'see https://example.org/help' ; echo 'no such table: orders' >&2; exit 2`;

let cronium: Cronium;
let browser: Browser;
let watched: WatchedPage;
const routes: Record<string, string> = {};

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  cronium = await startCronium();
  browser = await openBrowser();
  watched = await openPage(browser);
  await claimOwner(watched.page, cronium);
  const { id } = await cronium.api<{ id: string }>("POST", "/events", {
    name: LONG_NAME,
    description: "A name of 200 characters.",
    runtime: "bash",
    script: COLOURS,
  });
  await cronium.api("POST", "/secrets", { name: "DB_PASSWORD_OF_THE_CUSTOMER_DATABASE", value: "abc", eventId: id });
  await cronium.api("POST", "/variables", { name: "HOSTS_TO_BACK_UP", value: Array.from({ length: 50 }, (_, n) => n) });
  await takeWebhooks(id);
  const failed = await cronium.api<{ runId: string }>("POST", `/events/${id}/runs`, { input: { day: "2026-11-20" } });
  const waiting = await cronium.api<{ runId: string }>("POST", "/runs", {
    runtime: "bash",
    script: "true",
    labels: { gpu: "yes" },
  });
  const good = await cronium.api<{ runId: string }>("POST", "/runs", {
    name: "Returns a list",
    runtime: "python",
    script: "import cronium\ncronium.output([{'n': n} for n in range(2000)])",
  });
  await settled(failed.runId);
  await settled(good.runId);
  const live = await cronium.api<{ runId: string }>("POST", "/runs", {
    name: "Goes on",
    runtime: "bash",
    script: "for i in $(seq 1 3000); do echo line $i; sleep 0.2; done",
  });
  const [runner] = (await cronium.api<{ items: { id: string }[] }>("GET", "/runners")).items;
  const runnerId = runner?.id ?? "none";
  // One whose runs are all refused, and one that found none.
  await cronium.api("PATCH", "/settings", { queueLimit: 1 });
  const refused = await bulk("retry", { eventId: id });
  await cronium.api("PATCH", "/settings", { queueLimit: 1_000_000 });
  const empty = await bulk("cancel", { eventId: id, label: ["gpu=yes"], q: "backup", from: "2026-01-01T00:00:00Z" });
  const schedule = await cronium.api<{ id: string }>("POST", "/schedules", {
    eventId: id,
    timing: { kind: "cron", pattern: "30 2 * * *" },
    timezone: "America/New_York",
    startAt: "2026-10-30T00:00:00Z",
    jitterMs: 90_000,
    blackouts: [{ from: "2027-12-24", until: "2027-12-26", note: LONG_NAME }],
    input: { table: LONG_NAME },
    pauseAfterFailures: 3,
  });
  for (const pattern of [
    "0 7 * * *",
    "0 7 * * *",
    "0 7 * * *",
    "0 7 * * 2",
    "0 7 22 * *",
    "*/15 9 * * *",
    "* 12 * * *",
  ]) {
    await cronium.api("POST", "/schedules", { eventId: id, timing: { kind: "cron", pattern } });
  }
  await cronium.api("POST", `/schedules/${schedule.id}/backfill`, {
    from: "2026-10-30T00:00:00Z",
    to: "2026-11-03T00:00:00Z",
    dryRun: false,
  });
  Object.assign(routes, {
    schedules: "/schedules",
    "schedules-times": "/schedules?tab=times",
    "schedules-week": "/schedules?tab=calendar&day=2026-12-21&at=2026-12-22T07",
    "schedules-month": "/schedules?tab=calendar&view=month&day=2026-12-21",
    schedule: `/schedules/${schedule.id}?why=2026-11-01T06:30:00Z`,
    "bulk-refused": `/runs/bulk/${refused}`,
    "bulk-empty": `/runs/bulk/${empty}`,
    runs: "/runs",
    "runs-none-match": "/runs?state=expired",
    "run-failed": `/runs/${failed.runId}`,
    "run-queued": `/runs/${waiting.runId}`,
    "run-live": `/runs/${live.runId}`,
    "run-result": `/runs/${good.runId}?tab=result`,
    "run-input": `/runs/${failed.runId}?tab=input`,
    "run-attempts": `/runs/${failed.runId}?tab=attempts`,
    "run-missing": "/runs/run_00000000000000000000000000",
    events: "/events",
    event: `/events/${id}`,
    "event-script": `/events/${id}?tab=script`,
    "event-versions": `/events/${id}?tab=versions`,
    "event-edit": `/events/${id}/edit`,
    "event-new": "/events/new",
    webhooks: "/webhooks",
    "webhooks-deliveries": "/webhooks?tab=deliveries",
    runners: "/runners",
    runner: `/runners/${runnerId}`,
    "settings-members": "/settings",
    "settings-keys": "/settings?tab=keys",
    "settings-account": "/settings?tab=account",
    "settings-audit": "/settings?tab=audit",
    "settings-workspace": "/settings?tab=workspace",
    "settings-values": "/settings?tab=values",
    "event-values": `/events/${id}?tab=values`,
    "runner-add": "/runners?add=true",
    "not-found": "/nowhere",
  });
});

afterAll(async () => {
  await browser?.close();
  await cronium?.stop();
});

/** Endpoints, and deliveries of several verdicts. */
async function takeWebhooks(eventId: string): Promise<void> {
  const targets = [{ eventId, filter: "body.kind == 'paid'" }];
  for (const [name, kind] of [
    [LONG_NAME, "bearer"],
    ["Open", "none"],
  ] as const) {
    const { endpoint, secret } = await cronium.api<{ endpoint: { path: string }; secret: string | null }>(
      ...(["POST", "/endpoints", { name, targets, verification: { kind } }] as const),
    );
    for (const [key, body] of [
      [secret, '{"kind":"open"}'],
      [secret, "{}"],
      ["wrong", "{}"],
    ] as const) {
      const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
      await (await fetch(cronium.url + endpoint.path, { method: "POST", body, headers })).body?.cancel();
    }
  }
}

/** The id of bulk work that has ended. */
async function bulk(action: string, filter: unknown): Promise<string> {
  const { bulkId } = await cronium.api<{ bulkId: string }>("POST", "/bulk", { action, filter });
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    const { state } = await cronium.api<{ state: string }>("GET", `/bulk/${bulkId}`);
    if (state !== "running") {
      return bulkId;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${bulkId} did not end within 60 s`);
}

async function settled(runId: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    const { finishedAt } = await cronium.api<{ finishedAt: string | null }>("GET", `/runs/${runId}`);
    if (finishedAt !== null) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${runId} did not end within 60 s`);
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const viewport of SIZES) {
    test(`every page is accessible in ${colorScheme} at ${viewport.width} px and scrolls no wider than its window`, async ({
      expect,
    }) => {
      const storageState = await watched.page.context().storageState();
      const isPhone = viewport.width < 500;
      const { page, faults } = await openPage(browser, {
        storageState,
        viewport,
        colorScheme,
        hasTouch: isPhone,
        isMobile: isPhone,
        reducedMotion: "reduce",
      });
      const findings: string[] = [];
      for (const [name, path] of Object.entries(routes)) {
        await page.goto(cronium.url + path);
        await page.locator("h1, h2").first().waitFor();
        await page.getByRole("status", { name: "Loading" }).first().waitFor({ state: "detached" });
        await page.locator("[data-code-editor=loading]").waitFor({ state: "detached" });
        await page.getByText("Loading the log").waitFor({ state: "detached" });
        await page.evaluate(() => document.fonts.ready.then(() => undefined));
        await page.screenshot({ path: join(PICTURES, `${name}-${viewport.width}-${colorScheme}.png`) });
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (wider > 0) {
          findings.push(`${name}: ${wider} px wider than the window`);
        }
        // Colours and names are the same at every width but the phone's, which has a layout of its own.
        const violations = viewport.width === 1024 ? [] : (await new AxeBuilder({ page }).analyze()).violations;
        for (const violation of violations.filter((one) => one.impact === "serious" || one.impact === "critical")) {
          const where = violation.nodes
            .slice(0, 3)
            .map((node) => `${node.target.join(" ")}: ${node.failureSummary ?? ""}`);
          findings.push(`${name}: ${violation.id}\n  ${where.join("\n  ")}`);
        }
      }
      await page.context().close();
      expect(findings.join("\n")).toBe("");
      expect(faults).toEqual([]);
    });
  }
}

test("pages of people who are not signed in are accessible in both themes", async ({ expect }) => {
  const findings: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    for (const viewport of SIZES) {
      const { page } = await openPage(browser, { colorScheme, viewport });
      for (const [name, path] of [
        ["sign-in", "/sign-in"],
        ["claim", "/claim#token=crnc_x"],
        ["claim-no-token", "/claim"],
      ] as const) {
        await page.goto(cronium.url + path);
        await page.locator("h1").waitFor();
        await page.screenshot({ path: join(PICTURES, `${name}-${viewport.width}-${colorScheme}.png`) });
        const violations = viewport.width === 1440 ? (await new AxeBuilder({ page }).analyze()).violations : [];
        findings.push(
          ...violations
            .filter((one) => one.impact === "serious" || one.impact === "critical")
            .map((one) => `${name}: ${one.id}`),
        );
      }
      await page.context().close();
    }
  }
  expect(findings).toEqual([]);
});

test("the first page loads at most 260 KB of scripts and 90 KB of fonts, and no editor", async ({ expect }) => {
  const storageState = await watched.page.context().storageState();
  const { page } = await openPage(browser, { storageState });
  const loaded: { readonly kind: string; readonly path: string; readonly body: Promise<Buffer> }[] = [];
  page.on("response", (response) => {
    const body = response.body();
    // What is not looked at below may go with the page.
    body.catch(() => {});
    loaded.push({ kind: response.request().resourceType(), path: new URL(response.url()).pathname, body });
  });
  await page.goto(`${cronium.url}/runs`);
  await page.getByRole("table", { name: "Runs" }).waitFor();
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  const sizes = { script: 0, font: 0 };
  for (const { kind, path, body } of loaded) {
    if (kind === "script") {
      sizes.script += gzipSync(await body).length;
      expect(path).not.toContain("editor");
    } else if (kind === "font") {
      sizes.font += (await body).length;
    }
  }
  await page.context().close();
  expect(sizes.script).toBeGreaterThan(50_000);
  expect(sizes.script).toBeLessThanOrEqual(260_000);
  expect(sizes.font).toBeGreaterThan(10_000);
  expect(sizes.font).toBeLessThanOrEqual(90_000);
});

test("a chosen theme is there before the first paint and outlives a reload", async ({ expect }) => {
  const { page } = watched;
  await page.goto(`${cronium.url}/runners`);
  await page.getByRole("button", { name: /Account/ }).click();
  await page.getByRole("menuitemradio", { name: "Dark" }).click();
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await background();
  await page.goto(`${cronium.url}/runners`, { waitUntil: "commit" });
  await page.waitForFunction(() => document.documentElement.dataset["theme"] === "dark");
  expect(await background()).toBe(dark);
  await page.evaluate(() => localStorage.clear());
});

test("every control of a page is reached by keyboard and shows its focus", async ({ expect }) => {
  const { page } = watched;
  await page.goto(`${cronium.url}/runs`);
  await page.getByRole("table", { name: "Runs" }).waitFor();
  const reached: string[] = [];
  for (let step = 0; step < 16; step += 1) {
    await page.keyboard.press("Tab");
    reached.push(
      await page.evaluate(() => {
        const element = document.activeElement;
        if (element === null || element === document.body) {
          return "nothing";
        }
        const style = getComputedStyle(element);
        const after = getComputedStyle(element, "::after");
        const isShown = style.outlineStyle !== "none" || after.outlineStyle !== "none";
        return `${element.textContent?.trim() || element.getAttribute("aria-label") || element.tagName}${isShown ? "" : " WITHOUT FOCUS RING"}`;
      }),
    );
  }
  const pages = ["Runs", "Events", "Schedules", "Webhooks", "Runners"];
  expect(reached.slice(0, 7)).toEqual(["Skip to content", "Cronium", ...pages]);
  expect(reached.filter((name) => name.includes("WITHOUT"))).toEqual([]);
  expect(new Set(reached).size).toBeGreaterThan(10);
});

/** Webhooks as people use them: endpoints, deliveries, replays and tests. */
import { createHmac, randomUUID } from "node:crypto";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Delivery, Endpoint } from "@cronium/protocol/endpoint";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
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

const table = (name: string): Locator => page.getByRole("table", { name, exact: true });
const dialog = (): Locator => page.getByRole("dialog");

const SECRET = "a-secret-that-github-signs-with";

/** As GitHub sends it. */
async function deliver(address: string, payload: unknown, secret = SECRET): Promise<number> {
  const body = JSON.stringify(payload);
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const answer = await fetch(address, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-hub-signature-256": `sha256=${signature}`,
      "x-github-delivery": randomUUID(),
    },
  });
  await answer.body?.cancel();
  return answer.status;
}

/** What axe finds in the page as it is, an open sheet among it. */
async function faultsOfLooks(): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}

const endpoints = async (): Promise<readonly Endpoint[]> =>
  (await signedIn.cronium.api<{ items: Endpoint[] }>("GET", "/endpoints")).items;

async function addressOf(name: string): Promise<string> {
  const found = (await endpoints()).find((one) => one.name === name);
  return `${signedIn.cronium.url}${found?.path}`;
}

/** Each story has endpoints and events of its own, so that it may be told again. */
async function withoutEndpoints(): Promise<void> {
  for (const { id } of await endpoints()) {
    await signedIn.cronium.api("DELETE", `/endpoints/${id}`);
  }
}

interface MadeEvent {
  readonly id: string;
  readonly name: string;
}

/** Two events that webhooks start: one that takes orders, and one that takes anything. */
async function hookedEvents(): Promise<readonly [MadeEvent, MadeEvent]> {
  const inputSchema = { type: "object", properties: { id: { type: "integer" } }, required: ["id"] };
  const script = { runtime: "bash", script: "true" };
  const tag = randomUUID().slice(0, 8);
  const make = (event: object): Promise<MadeEvent> => signedIn.cronium.api("POST", "/events", { ...script, ...event });
  return [await make({ name: `Import orders ${tag}`, inputSchema }), await make({ name: `Keep a trace ${tag}` })];
}

/** An endpoint that GitHub sends to: it starts one event with orders that are paid, and another always. */
async function makeShop(): Promise<void> {
  await withoutEndpoints();
  const [orders, trace] = await hookedEvents();
  await signedIn.cronium.api("POST", "/endpoints", {
    name: "Shop",
    verification: { kind: "github" },
    secret: SECRET,
    targets: [
      { eventId: orders.id, filter: "body.kind == 'paid'", mapping: '{"id": body.order.id}' },
      { eventId: trace.id },
    ],
  });
}

test("an endpoint is tried out while it is made, takes signed webhooks, and each has its verdict", async ({
  expect,
}) => {
  const { cronium } = signedIn;
  await withoutEndpoints();
  const [orders, trace] = await hookedEvents();
  await page.goto(`${cronium.url}/webhooks`);
  await page.getByText("No endpoints yet").waitFor();
  await page.getByRole("button", { name: "New endpoint" }).click();
  await dialog().getByLabel("Name", { exact: true }).fill("Shop");
  await dialog().getByLabel("How the sender proves who it is").selectOption({ label: "GitHub" });
  await dialog().getByLabel("Secret", { exact: true }).fill("kurz");
  const first = dialog().getByRole("group", { name: "Event 1" });
  await first.getByLabel("Event that it starts").selectOption({ label: orders.name });
  await first.getByLabel("Filter").fill("body.kind == 'paid'");
  await first.getByLabel("Mapping").fill('{"id": body.order.id}');
  await first.getByRole("button", { name: "Try filter and mapping" }).click();
  await first.getByLabel("Body", { exact: true }).fill('{"kind": "paid", "order": {"id": "seven"}}');
  await first.getByRole("button", { name: "Try it" }).click();
  await first.getByText("/input/id").waitFor();
  await first.getByLabel("Body", { exact: true }).fill('{"kind": "paid", "order": {"id": 7}}');
  await first.getByRole("button", { name: "Try it" }).click();
  await first.getByText("It would start a run.").waitFor();
  expect(await first.getByLabel("Input of the run").textContent()).toBe('{\n  "id": 7\n}');
  await dialog().getByRole("button", { name: "Add an event" }).click();
  const second = dialog().getByRole("group", { name: "Event 2" });
  await second.getByLabel("Event that it starts").selectOption({ label: trace.name });
  await dialog().getByRole("button", { name: "Create endpoint" }).click();
  await dialog().getByText("must be 8 to 500 printable ASCII characters").first().waitFor();
  await dialog().getByLabel("Secret", { exact: true }).fill(SECRET);
  await page.screenshot({ path: join(PICTURES, "endpoint-new.png") });
  expect(await faultsOfLooks()).toEqual([]);
  await dialog().getByRole("button", { name: "Create endpoint" }).click();
  const shown = await dialog().locator("code").first().textContent();
  expect(shown).toBe(await addressOf("Shop"));
  await dialog().getByRole("button", { name: "Close" }).last().click();
  await table("Endpoints").getByText("2 events").waitFor();

  const address = shown ?? "";
  expect(await deliver(address, { kind: "paid", order: { id: 7 } })).toBe(202);
  expect(await deliver(address, { kind: "open", order: { id: 8 } })).toBe(202);
  expect(await deliver(address, { kind: "paid" }, "another secret")).toBe(401);
  await page.getByRole("tab", { name: "Deliveries" }).click();
  await table("Deliveries").getByText("Not genuine").first().waitFor();
  await page.screenshot({ path: join(PICTURES, "deliveries.png") });
  await page.getByLabel("Verdict", { exact: true }).selectOption({ label: "Accepted" });
  await table("Deliveries").getByText("Not genuine").first().waitFor({ state: "detached" });
  expect(new URL(page.url()).searchParams.get("verdict")).toBe("accepted");
  await table("Deliveries").getByRole("button", { name: "Accepted" }).last().click();
  await dialog().getByText('"order": {').waitFor();
  await dialog().getByRole("button", { name: "As it came" }).click();
  await dialog().getByText('{"kind":"paid","order":{"id":7}}').waitFor();
  expect(await dialog().getByRole("link", { name: "Open run" }).count()).toBe(2);
  await page.screenshot({ path: join(PICTURES, "delivery.png") });
  expect(await faultsOfLooks()).toEqual([]);
  await page.keyboard.press("Escape");
});

test("the filter of an endpoint is changed on what has arrived, and deliveries are replayed by it", async ({
  expect,
}) => {
  await makeShop();
  expect(await deliver(await addressOf("Shop"), { kind: "paid", order: { id: 7 } })).toBe(202);
  expect(await deliver(await addressOf("Shop"), { kind: "open", order: { id: 8 } })).toBe(202);
  await page.goto(`${signedIn.cronium.url}/webhooks`);
  await table("Endpoints").getByRole("button", { name: "Shop" }).click();
  await dialog().getByRole("button", { name: "Change endpoint" }).click();
  const first = dialog().getByRole("group", { name: "Event 1" });
  await first.getByRole("button", { name: "Try filter and mapping" }).click();
  await first.getByLabel("On what arrived").waitFor();
  await first.getByRole("button", { name: "Try it" }).click();
  // The newest one was open, not paid.
  await first.getByText("No filter of the endpoint let it through.").waitFor();
  await first.getByLabel("Filter").fill("body.kind ==");
  await dialog().getByRole("button", { name: "Save endpoint" }).click();
  await first.getByText("is not accepted").waitFor();
  await first.getByLabel("Filter").fill("body.kind == 'open'");
  await first.getByRole("button", { name: "Try it" }).click();
  await first.getByText("It would start a run.").waitFor();
  await dialog().getByLabel("Repeats are known by").selectOption({ label: "A header" });
  await dialog().getByLabel("Header with the id").fill("X-Id");
  await dialog().getByLabel("Senders wait for the result, at most").fill("a while");
  await dialog().getByRole("button", { name: "Save endpoint" }).click();
  await dialog().getByText("must be a time").waitFor();
  await dialog().getByLabel("Senders wait for the result, at most").fill("");
  await page.screenshot({ path: join(PICTURES, "endpoint-change.png") });
  expect(await faultsOfLooks()).toEqual([]);
  await dialog().getByRole("button", { name: "Save endpoint" }).click();
  await dialog().getByRole("button", { name: "Change endpoint" }).waitFor();
  const [saved] = await endpoints();
  expect(saved).toMatchObject({ dedupe: { by: "header", header: "X-Id" }, wait: null });
  expect(saved?.targets[0]?.filter).toBe("body.kind == 'open'");
  await dialog().getByRole("link", { name: "See deliveries" }).click();

  await page.getByRole("button", { name: "Select all shown" }).click();
  await page.getByRole("button", { name: "Replay 2 deliveries" }).click();
  await dialog().getByRole("button", { name: "Replay", exact: true }).click();
  await page.getByText("2 of 2 started runs.").waitFor();
  const { items } = await signedIn.cronium.api<{ items: Delivery[] }>("GET", "/deliveries?verdict=accepted");
  expect(items.slice(0, 2).map(({ runs }) => runs.map(({ verdict }) => verdict))).toEqual([
    ["accepted", "accepted"],
    ["filtered", "accepted"],
  ]);
});

test("an endpoint listens for a test, and one whose address is the secret shows it when it is asked", async ({
  expect,
}) => {
  await makeShop();
  await page.goto(`${signedIn.cronium.url}/webhooks`);
  await table("Endpoints").getByRole("button", { name: "Shop" }).click();
  await dialog().getByRole("button", { name: "Listen for a test" }).click();
  await dialog().getByText("Listening until").waitFor();
  expect(await deliver(await addressOf("Shop"), { kind: "a test" })).toBe(202);
  await dialog().getByText("The last test").waitFor();
  await dialog().getByText('"kind": "a test"').waitFor();
  await dialog().getByRole("button", { name: "GitHub" }).click();
  await dialog().getByText("Settings → Webhooks → Add webhook").waitFor();
  await page.screenshot({ path: join(PICTURES, "endpoint.png") });
  expect(await faultsOfLooks()).toEqual([]);

  await dialog().getByRole("button", { name: "Change endpoint" }).click();
  await dialog().getByLabel("How the sender proves who it is").selectOption({ label: "Nothing" });
  await dialog().getByRole("button", { name: "Save endpoint" }).click();
  await dialog().getByRole("button", { name: "Show address" }).click();
  await dialog().getByRole("button", { name: "Copy address" }).waitFor();
  const [endpoint] = await endpoints();
  expect(endpoint).toMatchObject({ path: null, verification: { kind: "none" } });
  const shown =
    (await dialog()
      .locator("code")
      .filter({ hasText: /^http\S+$/ })
      .textContent()) ?? "";
  expect(shown).toMatch(/\/hooks\/[0-9a-f]{40}$/);
  expect((await fetch(shown, { method: "POST", body: "{}" })).status).toBe(202);
  await dialog().getByRole("button", { name: "Replace address" }).click();
  const asked = page.getByRole("dialog", { name: "Replace the address?" });
  await asked.getByRole("button", { name: "Replace address" }).click();
  const made = page.getByRole("dialog", { name: "Address of the endpoint" });
  const next = (await made.locator("code").first().textContent()) ?? "";
  expect(next).not.toBe(shown);
  const statuses = [shown, next].map(async (url) => (await fetch(url, { method: "POST", body: "[]" })).status);
  expect(await Promise.all(statuses)).toEqual([404, 202]);
  await made.getByRole("button", { name: "Close" }).last().click();
  await dialog().getByRole("button", { name: "Delete endpoint" }).click();
  await page
    .getByRole("dialog", { name: "Delete the endpoint?" })
    .getByRole("button", { name: "Delete endpoint" })
    .click();
  await page.getByText("No endpoints yet").waitFor();
  expect(faults).toEqual([]);
});

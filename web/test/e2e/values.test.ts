/** Secrets and variables as people use them: in the settings, and in the editor. */
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { openPage } from "./browser.ts";
import { type SignedIn, startSignedIn } from "./signed-in.ts";

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");
const VALUE = "e2e-Wert-4be1";

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

interface Named {
  readonly name: string;
  readonly version: number;
  readonly value?: unknown;
  readonly eventId: string | null;
}

async function stored(kind: "secrets" | "variables"): Promise<readonly Named[]> {
  return (await signedIn.cronium.api<{ items: Named[] }>("GET", `/${kind}`)).items;
}

test("a secret is stored, replaced and deleted, each time without being shown", async ({ expect }) => {
  await page.goto(`${signedIn.cronium.url}/settings?tab=values`);
  await page.getByText("No secrets yet").waitFor();
  await page.getByText("No variables yet").waitFor();
  await page.screenshot({ path: join(PICTURES, "values-empty.png") });
  await page.getByRole("button", { name: "New secret" }).click();
  await dialog().getByLabel("Name").fill("db-password");
  await dialog().getByLabel("Value").fill(VALUE);
  await dialog().getByRole("button", { name: "Store the secret" }).click();
  // The API's own words, at the field that they are about.
  await dialog()
    .getByText(/capital/i)
    .last()
    .waitFor();
  await dialog().getByLabel("Name").fill("DB_PASSWORD");
  await dialog().getByLabel("Description").fill("of the shop");
  await dialog().getByRole("button", { name: "Store the secret" }).click();
  await table("Secrets").getByText("DB_PASSWORD").waitFor();
  expect(await page.content()).not.toContain(VALUE);

  await page.getByRole("button", { name: "Replace DB_PASSWORD" }).click();
  await dialog().getByLabel("Value").fill(`${VALUE}2`);
  await dialog().getByRole("button", { name: "Store the secret" }).click();
  await dialog().waitFor({ state: "detached" });
  expect(await stored("secrets")).toMatchObject([{ name: "DB_PASSWORD", version: 2 }]);

  await signedIn.cronium.api("POST", "/events", {
    name: "Shop",
    runtime: "bash",
    script: "true",
    secrets: ["DB_PASSWORD"],
  });
  await page.reload();
  await table("Secrets").getByRole("link", { name: "Shop" }).waitFor();
  await page.getByRole("button", { name: "Delete DB_PASSWORD" }).click();
  await dialog().getByText("Runs of Shop fail without it.").waitFor();
  await dialog().getByRole("button", { name: "Delete" }).click();
  await page.getByText("No secrets yet").waitFor();
  expect(faults).toEqual([]);
});

test("an .env text is checked first: wrong lines are listed, then all is stored", async ({ expect }) => {
  await signedIn.cronium.api("POST", "/secrets", { name: "OLD", value: VALUE });
  await page.goto(`${signedIn.cronium.url}/settings?tab=values`);
  await page.getByRole("button", { name: "Import .env" }).click();
  const text = dialog().getByLabel("Text of the file");
  await text.fill(`OLD=${VALUE}\nlower=x\nPATH=/bin\n`);
  await dialog().getByRole("button", { name: "Check" }).click();
  await dialog().getByText("Nothing was stored.").waitFor();
  expect(await dialog().getByRole("listitem").count()).toBe(2);
  await page.screenshot({ path: join(PICTURES, "import-wrong.png") });
  await text.fill(`# mine\nOLD=${VALUE}\nexport NEW='${VALUE}'\nPIN=12\n`);
  await dialog().getByRole("button", { name: "Check" }).click();
  await dialog().getByText("replaces an older value").waitFor();
  await page.screenshot({ path: join(PICTURES, "import-preview.png") });
  expect(await stored("secrets")).toHaveLength(1);
  await dialog().getByRole("button", { name: "Store 3 secrets" }).click();
  await table("Secrets").getByText("PIN").waitFor();
  await table("Secrets").getByText("too short to be masked").waitFor();
  expect((await stored("secrets")).map(({ name, version }) => [name, version])).toEqual([
    ["NEW", 1],
    ["OLD", 2],
    ["PIN", 1],
  ]);
});

test("a variable has a type, is changed, and gets an old value back from its history", async ({ expect }) => {
  await page.goto(`${signedIn.cronium.url}/settings?tab=values`);
  await page.getByRole("button", { name: "New variable" }).click();
  await dialog().getByLabel("Name").fill("HOSTS");
  await dialog().getByLabel("Type").selectOption("json");
  await dialog().getByLabel("Value").fill('["a", ');
  await dialog().getByRole("button", { name: "Save the variable" }).click();
  await dialog().getByText("Write one JSON value").waitFor();
  await dialog().getByLabel("Value").fill('["a", "b"]');
  await dialog().getByRole("button", { name: "Save the variable" }).click();
  await table("Variables").getByText('["a","b"]').waitFor();
  await page.getByRole("button", { name: "Change HOSTS" }).click();
  await dialog().getByLabel("Value").fill('["c"]');
  await dialog().getByRole("button", { name: "Save the variable" }).click();
  await table("Variables").getByText('["c"]').waitFor();
  await page.screenshot({ path: join(PICTURES, "values.png") });
  await page.getByRole("button", { name: "History HOSTS" }).click();
  await dialog().getByText("Version 1").waitFor();
  await page.screenshot({ path: join(PICTURES, "variable-history.png") });
  await dialog().getByRole("button", { name: "Use again" }).click();
  await table("Variables").getByText('["a","b"]').waitFor();
  expect(await stored("variables")).toMatchObject([{ name: "HOSTS", version: 3, value: ["a", "b"] }]);

  // Somebody else sets it while the form is open.
  await page.getByRole("button", { name: "Change HOSTS" }).click();
  const [{ id } = { id: "" }] = (await signedIn.cronium.api<{ items: { id: string }[] }>("GET", "/variables")).items;
  await fetch(`${signedIn.cronium.url}/api/v1/variables/${id}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${signedIn.cronium.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ value: ["theirs"] }),
  });
  await dialog().getByLabel("Value").fill('["mine"]');
  await dialog().getByRole("button", { name: "Save the variable" }).click();
  await dialog().getByText("Somebody else changed this meanwhile.").waitFor();
  expect(await stored("variables")).toMatchObject([{ value: ["theirs"] }]);
  await page.screenshot({ path: join(PICTURES, "variable-conflict.png") });
  await dialog().getByRole("button", { name: "Take theirs" }).click();
  await expect.poll(() => dialog().getByLabel("Value").inputValue()).toContain("theirs");
  await dialog().getByLabel("Value").fill('["both"]');
  await dialog().getByRole("button", { name: "Save the variable" }).click();
  await table("Variables").getByText('["both"]').waitFor();
});

test("an event has values of its own, and its editor picks what the script may read", async ({ expect }) => {
  const { id } = await signedIn.cronium.api<{ id: string }>("POST", "/events", {
    name: "Own",
    runtime: "bash",
    script: "true",
  });
  await signedIn.cronium.api("POST", "/secrets", { name: "SHARED", value: VALUE });
  await page.goto(`${signedIn.cronium.url}/events/${id}?tab=values`);
  await table("Secrets").getByText("SHARED").waitFor();
  expect(await page.getByRole("button", { name: "Replace SHARED" }).count()).toBe(0);
  await page.getByRole("button", { name: "New secret" }).click();
  await dialog().getByLabel("Name").fill("OWN_TOKEN");
  await dialog().getByLabel("Value").fill(VALUE);
  await dialog().getByRole("button", { name: "Store the secret" }).click();
  await table("Secrets").getByText("this event").waitFor();
  await page.screenshot({ path: join(PICTURES, "event-values.png") });

  await page.goto(`${signedIn.cronium.url}/events/${id}/edit`);
  const picker = page.getByRole("group", { name: "Secrets", exact: true });
  await picker.getByLabel("OWN_TOKEN").check();
  await picker.getByLabel("SHARED").check();
  await picker.getByLabel("in the environment").last().check();
  await page.getByText("$(cronium_get_variable HOSTS)").waitFor();
  await page.screenshot({ path: join(PICTURES, "event-picker.png") });
  await page.getByRole("button", { name: "Save event" }).click();
  await page.getByText("Saved as version 2").waitFor();
  expect(await signedIn.cronium.api("GET", `/events/${id}`)).toMatchObject({
    secrets: ["OWN_TOKEN", "SHARED"],
    secretEnv: ["SHARED"],
  });
  await page.reload();
  await picker.getByLabel("OWN_TOKEN").waitFor();
  expect(await picker.getByLabel("OWN_TOKEN").isChecked()).toBe(true);
  expect(faults).toEqual([]);
});

test("who may not see secrets is told who can, and sees variables", async ({ expect }) => {
  const { link } = await signedIn.cronium.api<{ link: string }>("POST", "/invitations", {
    email: "vera@example.org",
    role: "viewer",
  });
  const guest = await openPage(signedIn.browser);
  await guest.page.goto(link);
  await guest.page.getByLabel("Your name").fill("Vera");
  await guest.page.getByLabel("Password", { exact: true }).fill("a long enough password");
  await guest.page.getByRole("button", { name: "Join" }).click();
  await guest.page.waitForURL("**/runs");
  await guest.page.goto(`${signedIn.cronium.url}/settings?tab=values`);
  await guest.page.getByText("Editors and above see which secrets there are.").waitFor();
  await guest.page.getByRole("table", { name: "Variables" }).getByText("HOSTS").waitFor();
  await guest.page.getByRole("button", { name: "New secret" }).hover();
  await guest.page.getByText("Only administrators and owners can change secrets.").first().waitFor();
  expect(guest.faults).toEqual([]);
  await guest.page.context().close();
});

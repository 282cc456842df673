/** One action for all runs that a filter finds: counted, confirmed, and followed under its own address. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { type SignedIn, startSignedIn } from "./signed-in.ts";

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");

let signedIn: SignedIn;

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  signedIn = await startSignedIn();
});

afterAll(() => signedIn?.stop());

interface Page {
  readonly items: readonly { readonly state: string }[];
}

test("runs of a filter are cancelled and retried in bulk, and what was refused says why", async ({ expect }) => {
  const { page, faults } = signedIn;
  const { id } = await signedIn.cronium.api<{ id: string }>("POST", "/events", {
    name: "Send the invoices",
    runtime: "bash",
    script: "true",
  });
  const runs = [{ input: 1 }, { input: 2 }, { input: 3 }];
  await signedIn.cronium.api("POST", `/events/${id}/runs/batch`, { runs });
  await signedIn.cronium.api("POST", "/runs", { name: "Somebody else's", runtime: "bash", script: "true" });
  const listed = async (query: string): Promise<number> =>
    (await signedIn.cronium.api<Page>("GET", `/runs?eventId=${id}&${query}`)).items.length;

  await page.goto(`${signedIn.cronium.url}/runs`);
  await page.getByRole("link", { name: "Dead letters" }).waitFor();
  // Nothing is offered for all there is: a filter comes first.
  expect(await page.getByRole("button", { name: "Bulk" }).count()).toBe(0);
  await page.goto(`${signedIn.cronium.url}/runs?eventId=${id}`);
  await page.getByRole("button", { name: "Bulk" }).click();
  await page.getByRole("menuitem", { name: "Requeue…" }).click();
  const none = page.getByRole("dialog", { name: "Requeue all that the filter finds?" });
  await none.getByText("0 runs", { exact: true }).waitFor();
  expect(await none.getByRole("button", { name: "Requeue 0 runs" }).getAttribute("aria-disabled")).toBe("true");
  await none.getByRole("button", { name: "Leave them alone" }).click();
  await none.waitFor({ state: "detached" });

  await page.getByRole("button", { name: "Bulk" }).click();
  await page.getByRole("menuitem", { name: "Cancel…" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel all that the filter finds?" });
  await dialog.getByText("3 runs", { exact: true }).waitFor();
  await dialog.getByText("Send the invoices").waitFor();
  await page.screenshot({ path: join(PICTURES, "bulk-dialog.png") });
  await dialog.getByRole("button", { name: "Cancel 3 runs" }).click();
  await page.getByRole("heading", { name: "Bulk cancel" }).waitFor();
  await page.getByText("Finished").waitFor();
  expect(new URL(page.url()).pathname).toMatch(/^\/runs\/bulk\/blk_[0-9a-z]{26}$/);
  await page.getByRole("definition").filter({ hasText: /^3$/ }).first().waitFor();
  await expect.poll(() => listed("state=cancelled")).toBe(3);

  // Two are waiting already: the other's, and the first that is repeated.
  await signedIn.cronium.api("PATCH", "/settings", { queueLimit: 2 });
  await page.goto(`${signedIn.cronium.url}/runs?eventId=${id}&state=cancelled`);
  await page.getByRole("button", { name: "Bulk" }).click();
  await page.getByRole("menuitem", { name: "Retry…" }).click();
  await page.getByRole("button", { name: "Retry 3 runs" }).click();
  await page.getByRole("heading", { name: "Bulk retry" }).waitFor();
  await page.getByText("Finished").waitFor();
  const reasons = page.getByRole("table", { name: "Why some were refused" });
  await reasons.getByText("quota_exceeded").waitFor();
  await page.screenshot({ path: join(PICTURES, "bulk-retry.png") });
  await expect.poll(() => listed("state=queued")).toBe(1);
  // The address alone shows the same again.
  await page.reload();
  await reasons.waitFor();
  await page.getByRole("link", { name: "See these runs" }).click();
  await page.getByText("3 runs shown").waitFor();

  await page.goto(`${signedIn.cronium.url}/runs/bulk/blk_01m7y2e8yskjydhxp8psmj392g`);
  await page.getByRole("alert").getByText("There is no bulk work").waitFor();
  expect(faults).toEqual([]);
});

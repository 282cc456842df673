/** Letting a program in: what the page shows, that opening it decides nothing, and both answers. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { afterAll, beforeAll, test } from "vitest";
import { openPage, signIn } from "./browser.ts";
import { type SignedIn, startSignedIn } from "./signed-in.ts";

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");

let signedIn: SignedIn;

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  signedIn = await startSignedIn();
});

afterAll(() => signedIn?.stop());

interface Codes {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri_complete: string;
}

async function post<T>(path: string, body: object): Promise<T> {
  const answer = await fetch(`${signedIn.cronium.url}/api/v1/device/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as T;
}

const ask = (name: string): Promise<Codes> =>
  post("code", { client_id: "cronium-cli", device_name: name, scope: "operator" });

const poll = (codes: Codes): Promise<{ readonly error?: string; readonly access_token?: string }> =>
  post("token", {
    grant_type: "urn:ietf:params:oauth:grant-type:device_code",
    device_code: codes.device_code,
    client_id: "cronium-cli",
  });

test("T18 the page names device, address, role and life, decides nothing by itself, and lets in on a click", async ({
  expect,
}) => {
  const { page, faults } = signedIn;
  const codes = await ask("ada's laptop");
  await page.goto(codes.verification_uri_complete);
  await page.getByRole("heading", { name: "Let a device in" }).waitFor();
  expect(await page.getByLabel("Code").inputValue()).toBe(codes.user_code);
  expect((await poll(codes)).error).toBe("authorization_pending");

  await page.getByRole("button", { name: "Show what asks" }).click();
  await page.getByRole("heading", { name: "Is this you?" }).waitFor();
  await page.getByText(codes.user_code, { exact: true }).waitFor();
  await page.getByText("ada's laptop, as it says itself").waitFor();
  await page.getByText("127.0.0.1", { exact: true }).waitFor();
  expect(await page.getByLabel("It may act as").inputValue()).toBe("operator");
  await page.getByLabel("It may act as").selectOption("viewer");
  await page.getByLabel("For", { exact: true }).selectOption("7");
  await page.getByRole("button", { name: "Let this device in" }).click();
  await page.getByRole("heading", { name: "The device is in" }).waitFor();

  const { access_token: key } = await poll(codes);
  const me = await fetch(`${signedIn.cronium.url}/api/v1/me`, { headers: { authorization: `Bearer ${key ?? ""}` } });
  expect(await me.json()).toMatchObject({ role: "viewer", via: "api_key" });
  expect(faults).toEqual([]);
});

test("a device that is kept out is told so; a code with a typing error is explained before it is sent", async ({
  expect,
}) => {
  const { page } = signedIn;
  const codes = await ask("somebody else's");
  await page.goto(`${signedIn.cronium.url}/device`);
  await page.getByLabel("Code").fill("ABC");
  await page.getByRole("button", { name: "Show what asks" }).click();
  await page.getByText("A code has eight letters").waitFor();
  await page.getByLabel("Code").fill("bbbb bbbb");
  await page.getByRole("button", { name: "Show what asks" }).click();
  await page.getByText(/No device waits for the code "BBBB-BBBB"/).waitFor();
  await page.getByLabel("Code").fill(codes.user_code.toLowerCase());
  await page.getByRole("button", { name: "Show what asks" }).click();
  await page.getByRole("button", { name: "Keep it out" }).click();
  await page.getByRole("heading", { name: "The device stays out" }).waitFor();
  expect((await poll(codes)).error).toBe("access_denied");
});

test("who is not signed in signs in first, and comes back to the code", async ({ expect }) => {
  const codes = await ask("after signing in");
  const { page } = await openPage(signedIn.browser);
  await page.goto(codes.verification_uri_complete);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await signIn(page);
  await page.getByRole("heading", { name: "Let a device in" }).waitFor();
  expect(await page.getByLabel("Code").inputValue()).toBe(codes.user_code);
  await page.context().close();
});

test("the pages are accessible in both themes and at every width", async ({ expect }) => {
  const storageState = await signedIn.page.context().storageState();
  const findings: string[] = [];
  const codes = await ask("a device with quite a long name ".repeat(6).trim());
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [360, 1440]) {
      const { page } = await openPage(signedIn.browser, {
        storageState,
        colorScheme,
        viewport: { width, height: 900 },
      });
      const look = async (name: string): Promise<void> => {
        await page.screenshot({ path: join(PICTURES, `${name}-${width}-${colorScheme}.png`) });
        const { violations } = await new AxeBuilder({ page }).analyze();
        findings.push(...violations.map((one) => `${name} ${width} ${colorScheme}: ${one.id}`));
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        findings.push(...(wider > 0 ? [`${name} ${width}: ${wider} px wider than the window`] : []));
      };
      await page.goto(codes.verification_uri_complete);
      await page.getByRole("button", { name: "Show what asks" }).waitFor();
      await look("device");
      await page.getByRole("button", { name: "Show what asks" }).click();
      await page.getByRole("heading", { name: "Is this you?" }).waitFor();
      await look("device-consent");
      await page.context().close();
    }
  }
  expect(findings).toEqual([]);
});

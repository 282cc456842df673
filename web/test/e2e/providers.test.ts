/** Signing in through a provider, in a real browser that leaves and comes back. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { openBrowser, openPage } from "./browser.ts";
import { type Cronium, startCronium } from "./cronium.ts";

const PICTURES = join(import.meta.dirname, "../../../.cache/screenshots");

let cronium: Cronium;
let browser: Browser;
let provider: Server;
let isVerified = true;

/** As GitHub answers, for somebody who says yes at once. */
function likeGithub(): Server {
  return createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://provider");
    const json = (body: unknown): void => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    switch (url.pathname) {
      case "/login/oauth/authorize": {
        const back = new URL(url.searchParams.get("redirect_uri") ?? "");
        back.searchParams.set("code", "code");
        back.searchParams.set("state", url.searchParams.get("state") ?? "");
        response.writeHead(302, { location: back.href }).end();
        return;
      }
      case "/login/oauth/access_token":
        json({ access_token: "token" });
        return;
      case "/api/user":
        json({ id: 42, login: "grace", name: "Grace Hopper" });
        return;
      default:
        json([{ email: "grace@example.org", primary: true, verified: isVerified }]);
    }
  });
}

beforeAll(async () => {
  provider = likeGithub();
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  const vars = {
    REGISTRATION: "open",
    OUTBOUND_NETWORKS: "127.0.0.1/32",
    GITHUB_CLIENT_ID: "client",
    GITHUB_CLIENT_SECRET: "secret",
    GITHUB_URL: url,
    GITHUB_API_URL: `${url}/api`,
  };
  const options = Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}=${value}`]);
  cronium = await startCronium(["--no-runner", ...options]);
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
  await cronium?.stop();
  provider?.closeAllConnections();
  provider?.close();
});

test("the browser leaves for the provider and comes back signed in, to the page that it wanted", async ({ expect }) => {
  const { page, faults } = await openPage(browser);
  await page.goto(`${cronium.url}/settings?tab=account`);
  await page.getByRole("button", { name: "Sign in with GitHub" }).waitFor();
  await page.screenshot({ path: join(PICTURES, "sign-in-provider.png") });
  isVerified = false;
  await page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await page.getByText("The provider has not made sure of your e-mail address.").waitFor();
  await page.screenshot({ path: join(PICTURES, "sign-in-problem.png") });

  isVerified = true;
  await page.goto(`${cronium.url}/settings?tab=account`);
  await page.getByRole("button", { name: "Sign in with GitHub" }).click();
  await page.getByText("grace@example.org").waitFor();
  expect(new URL(page.url()).pathname).toBe("/settings");
  await page.getByText("confirmed", { exact: true }).waitFor();
  expect((await page.context().cookies()).map(({ name }) => name)).toEqual(["cronium.session"]);
  expect(faults).toEqual([]);
  await page.context().close();
});

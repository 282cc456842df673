/** What most stories begin with: an installation without a runner, and its owner signed in on the list of events. */
import type { Browser } from "playwright-core";
import { claimOwner, openBrowser, openPage, type WatchedPage } from "./browser.ts";
import { type Cronium, startCronium } from "./cronium.ts";

export interface SignedIn extends WatchedPage {
  readonly cronium: Cronium;
  readonly browser: Browser;
  stop(): Promise<void>;
}

/** Whatever has been started is stopped again when a later part fails. */
export async function startSignedIn(): Promise<SignedIn> {
  const cronium = await startCronium(["--no-runner"]);
  let browser: Browser | undefined;
  const stop = async (): Promise<void> => {
    await browser?.close();
    await cronium.stop();
  };
  try {
    browser = await openBrowser();
    const watched = await openPage(browser);
    await claimOwner(watched.page, cronium);
    return { ...watched, cronium, browser, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

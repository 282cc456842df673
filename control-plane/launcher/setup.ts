/** What the launcher asks of the Worker it has started: to be alive, to set itself up, to look after its objects. */
import * as z from "zod";
import { LauncherError } from "./launcher-error.ts";

const HEALTH_DEADLINE_MS = 30_000;
const POLL_MS = 25;

const SetupResult = z.object({
  workspaceId: z.string(),
  apiKey: z.string(),
  claimToken: z.string().nullable(),
  migrated: z.array(z.string()),
});
export type SetupResult = z.infer<typeof SetupResult>;

const KeyStatus = z.array(z.object({ id: z.string(), current: z.boolean(), secrets: z.number() }));
export type KeyStatus = z.infer<typeof KeyStatus>;

/** Waits until `/health` answers. A refusal is final: the Worker is there and cannot work; `tail` is the end of its log. */
export async function waitForHealth(url: string, tail: () => string): Promise<void> {
  const end = performance.now() + HEALTH_DEADLINE_MS;
  let last = "no answer";
  while (performance.now() < end) {
    try {
      const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) });
      if (response.ok) {
        return;
      }
      await response.body?.cancel();
      throw new LauncherError(`The control plane cannot work. The end of its log:\n${tail()}`);
    } catch (error) {
      if (error instanceof LauncherError) {
        throw error;
      }
      last = error instanceof Error ? error.message : String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new LauncherError(`The control plane does not answer at ${url} (${last}).`);
}

export async function setUp(url: string, launcherKey: string, apiKey: string | null): Promise<SetupResult> {
  return SetupResult.parse(await post(url, "/launcher/setup", launcherKey, { apiKey }));
}

export async function pokeWatchdog(url: string, launcherKey: string): Promise<void> {
  await post(url, "/launcher/watchdog", launcherKey, {});
}

/** Master keys that are configured or needed, each with how many secrets are encrypted under it. */
export async function askKeyStatus(url: string, launcherKey: string): Promise<KeyStatus> {
  return KeyStatus.parse(await post(url, "/launcher/key-status", launcherKey, {}));
}

const Messages = z.array(z.object({ subject: z.string(), email: z.string(), path: z.string() }));

/** Messages to people that no mail took to them and that were not asked for before. */
export async function takeMessages(url: string, launcherKey: string): Promise<z.infer<typeof Messages>> {
  return Messages.parse(await post(url, "/launcher/messages", launcherKey, {}));
}

/** Path of a link for a new password; null for an address without an account. */
export async function askPasswordLink(
  url: string,
  launcherKey: string,
  request: { readonly email: string; readonly withoutSecondFactor: boolean },
): Promise<string | null> {
  const answer = await post(url, "/launcher/password-link", launcherKey, request);
  return z.object({ path: z.string().nullable() }).parse(answer).path;
}

async function post(url: string, path: string, key: string, body: unknown): Promise<unknown> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  if (!response.ok) {
    const detail = (await response.text()).slice(0, 1_000);
    throw new LauncherError(`${path} failed with status ${response.status}: ${detail}`);
  }
  return response.json();
}

/** Waits until the runner of this machine can take jobs, and says what it is waiting for. */
import { callApi, type ApiAccess } from "./api.ts";

const POLL_MS = 200;
const POLL_SLOWLY_MS = 1_000;
/** Making images from packages takes minutes on a slow machine. */
const DEADLINE_MS = 30 * 60_000;

const waitingFor: Readonly<Record<string, string>> = {
  docker_down: "Docker does not answer on this machine",
  images_missing: "the images that jobs run in are being made",
  disk_full: "the disk is almost full",
};

interface RunnerView {
  readonly name: string;
  readonly state: string;
  readonly notReady: readonly string[];
}

/**
 * Resolves with "ready", or with "online" when the runner is there and only waits for Docker, which may come later.
 * Rejects after half an hour, or when `signal` aborts.
 */
export async function waitForRunner(
  access: ApiAccess,
  name: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<"ready" | "online"> {
  const end = performance.now() + DEADLINE_MS;
  let told = "";
  while (performance.now() < end) {
    signal.throwIfAborted();
    const page = await callApi<{ readonly items: readonly RunnerView[] }>(access, "GET", "/runners");
    const runner = page.items.find((item) => item.name === name);
    const isThere = runner?.state === "online" || runner?.state === "busy";
    if (isThere && runner.notReady.length === 0) {
      return "ready";
    }
    if (isThere && runner.notReady.includes("docker_down")) {
      return "online";
    }
    const reasons = isThere ? runner.notReady.map((reason) => waitingFor[reason] ?? reason).join(", ") : "";
    if (reasons !== told && reasons !== "") {
      say(`The runner is connected; ${reasons} …`);
      told = reasons;
    }
    await new Promise((resolve) => setTimeout(resolve, isThere ? POLL_SLOWLY_MS : POLL_MS));
  }
  throw new Error(`The runner is not ready after ${DEADLINE_MS / 60_000} minutes.`);
}

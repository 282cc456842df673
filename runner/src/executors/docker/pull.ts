/**
 * Gets an image of a user onto this machine, or says in one sentence why it cannot be had.
 *
 * Every way to fail has a sentence of its own: there is no such image, the registry wants other credentials, it cannot be
 * reached, it sends nothing any more, the image is for other processors. The engine tells them apart by words alone.
 */
import type Docker from "dockerode";
import * as z from "zod";
import type { Container } from "@cronium/protocol";
import { registryOf } from "../../image-policy.ts";
import type { Clock } from "../../base/clock.ts";
import { errorText } from "../../base/log.ts";
import { isDaemonGone } from "../../base/retryable.ts";
import { ExecutorError } from "../types.ts";
import { hasImage } from "./image-shelf.ts";
import type { Login } from "./registry-login.ts";

const NOTICE_EVERY_MS = 5_000;

export interface PullOptions {
  readonly docker: Docker;
  readonly clock: Clock;
  /** Null where the registry needs none. */
  readonly login: (registry: string) => Promise<Login | null>;
  /** How long nothing may come. */
  readonly stuckMs: number;
}

/** What Docker says of an image, as far as it matters here. */
export interface ImageFacts {
  /** Folders that the image wants to be volumes. */
  readonly volumes: readonly string[];
}

const Progress = z.object({
  id: z.string().optional(),
  status: z.string().optional(),
  error: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).optional(),
});

/**
 * Fetches it as its event says. Throws `ExecutorError`: `image_missing` when it is not here and may not be fetched,
 * `image_pull` otherwise.
 */
export async function getImage(
  options: PullOptions,
  { image, pull }: { readonly image: string; readonly pull: Container["pull"] },
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<ImageFacts> {
  const { docker } = options;
  const here = pull !== "always" && (await hasImage(docker, image));
  if (!here && pull === "never") {
    throw new ExecutorError(
      "image_missing",
      `The image ${image} is not on this machine, and its event forbids to pull it.`,
    );
  }
  if (!here) {
    await pullImage(options, image, notice, signal);
  }
  const [{ Architecture: made, Os: os, Config: config }, { Arch: arch }] = await Promise.all([
    docker.getImage(image).inspect(),
    docker.version(),
  ]);
  if (made !== "" && made !== arch) {
    throw new ExecutorError("image_pull", wrongArch(image, `${os}/${made}`, `linux/${arch}`));
  }
  return { volumes: Object.keys((config as { Volumes?: Record<string, object> | null }).Volumes ?? {}) };
}

async function pullImage(
  options: PullOptions,
  image: string,
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { docker, clock, stuckMs } = options;
  const registry = registryOf(image);
  const login = await options.login(registry);
  const stop = new AbortController();
  let stuck = false;
  let cancelTimer = (): void => {};
  const alive = (): void => {
    cancelTimer();
    cancelTimer = clock.after(stuckMs, () => {
      stuck = true;
      stop.abort();
    });
  };
  const abort = (): void => stop.abort();
  signal.addEventListener("abort", abort, { once: true });
  const begin = clock.monotonic();
  notice(`Pulling ${image}`);
  try {
    alive();
    signal.throwIfAborted();
    const stream = (await docker.pull(image, {
      ...(login === null ? {} : { authconfig: login }),
      abortSignal: stop.signal,
    })) as AsyncIterable<Uint8Array>;
    await readProgress(stream, { alive, notice, now: () => clock.monotonic(), image });
    notice(`Pulled ${image} in ${((clock.monotonic() - begin) / 1_000).toFixed(1)} s`);
  } catch (error) {
    if (isDaemonGone(error) && !stop.signal.aborted) {
      throw error;
    }
    const seconds = Math.round(stuckMs / 1_000);
    const why = stuck
      ? `The registry ${registry} sent nothing of the image ${image} for ${seconds} s.`
      : signal.aborted
        ? `The pull of ${image} was given up.`
        : explainPull(image, registry, errorText(error), login !== null);
    throw new ExecutorError("image_pull", why, { cause: error });
  } finally {
    cancelTimer();
    signal.removeEventListener("abort", abort);
  }
}

interface Reading {
  readonly alive: () => void;
  readonly notice: (text: string) => void;
  readonly now: () => number;
  readonly image: string;
}

/** Docker tells its progress as one JSON per line; what ends it is an `error` among them. */
async function readProgress(stream: AsyncIterable<Uint8Array>, { alive, notice, now, image }: Reading): Promise<void> {
  const layers = new Map<string, { readonly current: number; readonly total: number }>();
  const decoder = new TextDecoder();
  let carry = "";
  let told = now();
  for await (const chunk of stream) {
    const lines = (carry + decoder.decode(chunk, { stream: true })).split("\n");
    carry = lines.pop() ?? "";
    for (const line of lines.filter((text) => text.trim() !== "")) {
      const progress = Progress.parse(JSON.parse(line));
      if (progress.error !== undefined) {
        throw new Error(progress.error);
      }
      // "Retrying in 3 seconds" and the like are no sign that anything comes.
      if (!/^retrying/i.test(progress.status ?? "")) {
        alive();
      }
      const { current, total } = progress.progressDetail ?? {};
      if (progress.id !== undefined && progress.status === "Downloading" && total !== undefined && total > 0) {
        layers.set(progress.id, { current: current ?? 0, total });
      }
    }
    if (layers.size > 0 && now() - told >= NOTICE_EVERY_MS) {
      told = now();
      const sum = (field: "current" | "total"): number =>
        [...layers.values()].reduce((all, layer) => all + layer[field], 0) / 1_048_576;
      notice(`Pulling ${image}: ${sum("current").toFixed(1)} of ${sum("total").toFixed(1)} MiB`);
    }
  }
}

/** What went wrong, by the engine's words, and what to do about it. Exported for its test. */
export function explainPull(image: string, registry: string, problem: string, hadLogin: boolean): string {
  const text = problem.replace(/^\(HTTP code \d+\) [^-]* - /, "").trim();
  if (/no matching manifest|does not match the specified platform|no match for platform/i.test(text)) {
    return wrongArch(image, "other processors", "this machine's");
  }
  if (/unauthorized|authentication required|no basic auth|denied|forbidden|status: 40[13]/i.test(text)) {
    return hadLogin
      ? `The registry ${registry} does not let this runner's user have the image ${image}. Correct its entry under registries in the runner's policy file, or run docker login there. It said: ${text}`
      : `The registry ${registry} wants credentials for the image ${image}, or there is no such image. Add them under registries in the runner's policy file, or run docker login there. It said: ${text}`;
  }
  if (/manifest unknown|not found|does not exist|name unknown|status: 404/i.test(text)) {
    return `The registry ${registry} has no image ${image}. Check its name and tag. It said: ${text}`;
  }
  if (
    /no such host|connection refused|i\/o timeout|network is unreachable|dial tcp|TLS handshake|HTTP response to HTTPS/i.test(
      text,
    )
  ) {
    return `The registry ${registry} cannot be reached from the runner for the image ${image}: ${text}`;
  }
  return `The image ${image} could not be pulled: ${text}`;
}

function wrongArch(image: string, has: string, wanted: string): string {
  return `The image ${image} is made for ${has}, not for ${wanted} processors. Name one that is built for them, or ask for another runner by a label.`;
}

/**
 * Whether the kernel killed something in a container for want of memory.
 *
 * `State.OOMKilled` is not enough: the kernel's notice and the end of the container travel on different ways, and when
 * the notice comes second (seen 70 ms late, in 1 of 12 kills on Docker 20.10) the flag stays false for ever. The engine
 * still publishes the event then, so a container that ended with 137 without the flag is asked about for a moment.
 */
import type Docker from "dockerode";

const NOTICE_WITHIN_MS = 500;
/** The engine remembers its last 256 events; the container's id picks ours. */
const LOOK_BACK_S = 172_800;

export async function wasOomKilled(docker: Docker, container: Docker.Container): Promise<boolean> {
  const { State: state } = await container.inspect();
  return state.OOMKilled || (await hasOomEvent(docker, container.id));
}

async function hasOomEvent(docker: Docker, id: string): Promise<boolean> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), NOTICE_WITHIN_MS);
  try {
    const stream = await docker.getEvents({
      since: Math.floor(Date.now() / 1_000) - LOOK_BACK_S,
      filters: { container: [id], event: ["oom"] },
      abortSignal: stop.signal,
    });
    for await (const _event of stream) {
      return true;
    }
    return false;
  } catch (error) {
    if (stop.signal.aborted) {
      return false;
    }
    throw error;
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

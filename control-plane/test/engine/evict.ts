import { evictDurableObject } from "cloudflare:test";

type Evict = typeof evictDurableObject;
/** How often to ask for an object that is at work at the moment. */
const MOST_TRIES = 10;

/**
 * Takes an object out of memory while others work with it. One that nobody has called since it was taken out the last
 * time is not there, which is as good; one that is too busy to go is asked again.
 */
export async function evict(...[stub, options]: Parameters<Evict>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await evictDurableObject(stub, options);
      return;
    } catch (error) {
      const message = error instanceof Error ? error.message : "";
      if (message.includes("it is not currently running")) {
        return;
      }
      if (!message.includes("Timed out waiting to evict") || tries === MOST_TRIES) {
        throw error;
      }
    }
  }
}

/** What `exports` of "cloudflare:workers" holds in tests: the Worker under test. */
import type * as worker from "../src/worker.ts";

export type WorkerModule = typeof worker;

declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: WorkerModule;
    }
  }
}

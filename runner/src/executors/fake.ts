/**
 * Stands in for Docker in scenarios, where what matters is the conversation between runner and control plane. A job
 * steers it by its own environment:
 *
 *   FAKE_EXIT        exit code; default 0
 *   FAKE_SLEEP_MS    how long the job runs; default 0
 *   FAKE_OOM         "1": ends with 137 as if the kernel had killed it for want of memory
 *   FAKE_START_FAIL  "1": cannot be started
 *   FAKE_OUTPUT      JSON, stored as the output of the run
 *   FAKE_LOG_LINES   lines printed to stdout before it ends; default 0
 *   FAKE_IGNORE_TERM "1": goes on after SIGTERM, until the grace is over
 */
import { parseStrictJson } from "@cronium/protocol";
import type { Clock } from "../base/clock.ts";
import { ExecutorError, type Executor, type Exit, type Slot, type SlotEvents, type SlotRequest } from "./types.ts";

const SIGTERM_CODE = 143;
const SIGKILL_CODE = 137;

export function makeFakeExecutor(clock: Clock): Executor {
  return {
    name: "fake",
    hasRuntimeApi: false,
    engineVersion: "fake",
    notReady: [],
    slots: { take: (request, events) => makeFakeSlot(clock, request, events) },
    open: async () => {},
    check: () => null,
    sweep: async () => 0,
    close: async () => {},
  };
}

function makeFakeSlot(clock: Clock, request: SlotRequest, events: SlotEvents): Slot {
  const env = request.definition.env;
  const exited = Promise.withResolvers<Exit>();
  const drained = Promise.withResolvers<void>();
  let cancel = (): void => {};
  const end = (exit: Exit): void => {
    cancel();
    drained.resolve();
    exited.resolve(exit);
  };
  return {
    ready: Promise.resolve(),
    exited: exited.promise,
    drained: drained.promise,
    async start() {
      if (env["FAKE_START_FAIL"] === "1") {
        throw new ExecutorError("start_failed", "The fake executor was told not to start.");
      }
      for (let line = 1; line <= Number(env["FAKE_LOG_LINES"] ?? 0); line += 1) {
        events.bytes("stdout", Buffer.from(`line ${line}\n`));
      }
      cancel = clock.after(Number(env["FAKE_SLEEP_MS"] ?? 0), () => {
        if (env["FAKE_OUTPUT"] !== undefined) {
          events.value(parseStrictJson(env["FAKE_OUTPUT"]));
        }
        const oomKilled = env["FAKE_OOM"] === "1";
        end({ code: oomKilled ? SIGKILL_CODE : Number(env["FAKE_EXIT"] ?? 0), oomKilled });
      });
    },
    async stop(graceMs) {
      if (env["FAKE_IGNORE_TERM"] === "1") {
        cancel();
        cancel = clock.after(graceMs, () => end({ code: SIGKILL_CODE, oomKilled: false }));
      } else {
        end({ code: SIGTERM_CODE, oomKilled: false });
      }
      await exited.promise;
    },
    async remove() {
      end({ code: SIGKILL_CODE, oomKilled: false });
    },
  };
}

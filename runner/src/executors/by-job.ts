/** Containers for all jobs but those whose events ask to run without one, where the local policy lets them. */
import { containerOf, type EventDefinition } from "@cronium/protocol";
import type { Executor } from "./types.ts";

export function byJob(containers: Executor, processes: Executor): Executor {
  const of = (definition: EventDefinition): Executor =>
    containerOf(definition).executor === "process" ? processes : containers;
  const { reserve } = containers.slots;
  return {
    name: containers.name,
    hasRuntimeApi: containers.hasRuntimeApi,
    // Jobs without a container are told their own.
    ...(containers.apiAddress === undefined ? {} : { apiAddress: containers.apiAddress }),
    slots: {
      ...(reserve === undefined
        ? {}
        : { reserve: (profile, owner) => (profile.executor === "process" ? null : reserve(profile, owner)) }),
      take: (request, events) => of(request.definition).slots.take(request, events),
    },
    ...(containers.warm === undefined ? {} : { warm: containers.warm }),
    ...(containers.engine === undefined ? {} : { engine: containers.engine }),
    ...(containers.failed === undefined ? {} : { failed: containers.failed }),
    get stuck() {
      return containers.stuck ?? 0;
    },
    get engineVersion() {
      return containers.engineVersion;
    },
    get notReady() {
      return containers.notReady;
    },
    open: async (changed) => {
      await Promise.all([containers.open(changed), processes.open(changed)]);
    },
    check: (runtime, executor) => (executor === "process" ? processes : containers).check(runtime, executor),
    adopt: (request, events, seen) => of(request.definition).adopt(request, events, seen),
    sweep: async (isLive) => {
      const [inContainers, without] = await Promise.all([containers.sweep(isLive), processes.sweep(isLive)]);
      return inContainers + without;
    },
    close: async () => {
      await Promise.all([containers.close(), processes.close()]);
    },
  };
}

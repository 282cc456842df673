/** From the grant to a running process. The bootstrap inside waits for its job, so the job is bound before the start. */
import { containerOf } from "@cronium/protocol";
import { errorText } from "../base/log.ts";
import { ExecutorError, type Slot } from "../executors/types.ts";
import { egressOf, jobEnvironment, runContext } from "./environment.ts";
import type { Prepared } from "./prepare.ts";
import type { Grant, RunState } from "./run.ts";
import { scriptText } from "./script-text.ts";

export type StartOutcome = { readonly started: Slot } | { readonly failed: ExecutorError };

export async function start(state: RunState, prepared: Prepared): Promise<StartOutcome> {
  const { deps, job, ref } = state;
  const begin = deps.clock.monotonic();
  try {
    // The folder must be there before the container starts, or Docker makes one of its own in that place.
    const [token] = await Promise.all([prepared.token, prepared.socketOpen]);
    // Before the start: a process that dies right after it must find out that there is a container to go on with.
    const { again } = prepared.slot;
    deps.journal.note({
      type: "bound",
      ...ref,
      token,
      at: begin,
      ...(again === undefined ? {} : { again: again.mark }),
    });
    bind(state, prepared.slotId, {
      token,
      handedOut: false,
      again: again?.mark.mark ?? null,
      onFree: () => again?.ended(),
      secrets: openFor(state, token, state.grant?.secrets ?? null),
      variables: state.grant?.variables ?? {},
    });
    void state.stopped.then(() => prepared.slot.abandon?.());
    await prepared.slot.start();
    state.startedAt = deps.clock.monotonic();
    await deps.journal.write({ type: "started", ...ref, at: state.startedAt });
  } catch (error) {
    const failed = error instanceof ExecutorError ? error : new ExecutorError("start_failed", errorText(error));
    state.log.warn("run.start_failed", { code: failed.code, problem: errorText(error) });
    return { failed };
  }
  deps.link.send({ type: "started", ...ref });
  state.log.info("run.started", { eventName: job.eventName, ms: Math.round(state.startedAt - begin) });
  return { started: prepared.slot };
}

/** The secrets in the clear, once the log knows what to hide: before the job can print any of it. */
export function openFor(
  { deps, job, sink }: Pick<RunState, "deps" | "job" | "sink">,
  token: string,
  sealed: string | null,
): Readonly<Record<string, string>> {
  if (!deps.executor.hasRuntimeApi) {
    return {};
  }
  const secrets = deps.openSecrets(job, sealed);
  sink.conceal(secrets, [token]);
  return secrets;
}

/** Gives the slot its job, or, to a new sidecar, the job it has already. */
export function bind(
  state: Pick<RunState, "deps" | "job" | "ref" | "sink">,
  slotId: string,
  {
    token,
    handedOut,
    again,
    onFree,
    secrets,
    variables,
  }: {
    readonly token: string;
    readonly handedOut: boolean;
    /** What ends its output in a container that serves several jobs. */
    readonly again: string | null;
    readonly onFree: () => void;
    readonly secrets: Readonly<Record<string, string>>;
  } & Pick<Grant, "variables">,
): void {
  const { deps, job, ref, sink } = state;
  if (!deps.executor.hasRuntimeApi) {
    return;
  }
  const { runtime } = job.definition;
  const script = scriptText(runtime, job.definition.script);
  for (const text of handedOut ? [] : script.notices) {
    sink.notice(text);
  }
  deps.sidecar.bind({
    slot: slotId,
    attempt: job.attempt,
    job: {
      runtime,
      script: script.text,
      env: jobEnvironment(job, token, secrets, deps.executor.apiAddress),
      ...(containerOf(job.definition).isolated ? { isolated: true as const } : {}),
      ...(again === null ? {} : { reuse: again }),
    },
    input: job.input,
    secrets,
    variables,
    egress: egressOf(job, deps.egress),
    onEgress: (text) => sink.notice(text),
    onToken: (renewed) => sink.conceal({}, [renewed]),
    context: runContext(job, deps.runnerName, deps.clock.now()),
    handedOut,
    onHandedOut: () => deps.journal.note({ type: "handed_out", ...ref }),
    onFree,
    store: (value) => deps.journal.write({ type: "output", ...ref, value }),
    call: (key, op) => deps.calls.call(ref, key, op),
  });
}

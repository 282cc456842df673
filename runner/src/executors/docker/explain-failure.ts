/** What a failure of the engine means for a run. */
import { errorText } from "../../base/log.ts";
import { isDaemonGone } from "../../base/retryable.ts";
import { unusableImage } from "../../interpreters.ts";
import { ExecutorError, type SlotProfile } from "../types.ts";
import { engineMessage, statusOf } from "./answer.ts";

export interface FailureContext {
  /** The daemon seems to be gone, or to go; resolves when it has been asked. */
  readonly suspect: () => Promise<void>;
  /** The image that the container was made of. */
  readonly image: string;
  /** Null for a container that an earlier process made. */
  readonly profile: SlotProfile | null;
  /** In words, where the daemon is gone. Default: it does not answer. */
  readonly whatHappened?: string | undefined;
}

/** The error that the run ends with; an `ExecutorError` stays as it is. */
export async function explainFailure(error: unknown, context: FailureContext): Promise<ExecutorError> {
  if (error instanceof ExecutorError) {
    return error;
  }
  if (isDaemonGone(error)) {
    await context.suspect();
    const what = context.whatHappened ?? "Docker does not answer on this machine";
    return new ExecutorError("daemon", `${what}: ${errorText(error)}.`, { cause: error });
  }
  const text = engineMessage(error);
  const { profile } = context;
  const foreign = profile?.image ?? null;
  if (profile !== null && foreign?.image && /executable file not found|no such file or directory/i.test(text)) {
    return new ExecutorError("image_missing", unusableImage(foreign.image, profile.runtime), { cause: error });
  }
  if (statusOf(error) === 404 && /image/i.test(text)) {
    return new ExecutorError("image_missing", `The image ${context.image} is not on this machine.`, { cause: error });
  }
  return new ExecutorError("start_failed", `Docker refused the container: ${text}`, { cause: error });
}

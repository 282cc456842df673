/**
 * What a container needs beside itself: an image that has to be fetched, folders made for it, a network. It is there
 * before the container is created, and taken away when the container is gone.
 */
import type { ContainerCreateOptions } from "dockerode";
import type { SlotEvents, SlotProfile } from "../types.ts";

export interface FurnishRequest {
  readonly slot: string;
  readonly profile: SlotProfile;
}

export interface Furnishing {
  /** The options of the container with this in them. */
  apply(options: ContainerCreateOptions): ContainerCreateOptions;
  /** Leaves nothing of it behind; may repeat, and comes after the container is gone. */
  remove(): Promise<void>;
}

/**
 * Null when the profile asks for nothing of its kind. Throws `ExecutorError` when what is asked for cannot be had, and
 * then leaves nothing behind. `signal` ends a wait that nobody needs any more.
 */
export type Furnish = (
  request: FurnishRequest,
  events: Pick<SlotEvents, "notice">,
  signal: AbortSignal,
) => Promise<Furnishing | null>;

/** All of them, one after the other: the first that fails takes down those before it. */
export function furnishAll(parts: readonly Furnish[]): Furnish {
  return async (request, events, signal) => {
    const made: Furnishing[] = [];
    const remove = async (): Promise<void> => {
      for (const one of made.toReversed()) {
        await one.remove();
      }
    };
    try {
      for (const part of parts) {
        const one = await part(request, events, signal);
        if (one !== null) {
          made.push(one);
        }
      }
    } catch (error) {
      await remove();
      throw error;
    }
    return made.length === 0
      ? null
      : { apply: (options) => made.reduce((changed, one) => one.apply(changed), options), remove };
  };
}

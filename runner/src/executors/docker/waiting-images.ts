/**
 * In which images of users containers may wait for jobs: those whose name means the same image tomorrow, and that are on
 * this machine, as a job that ran here has found. Nothing is pulled for a container that waits.
 */
import { isMutableImage } from "@cronium/protocol/image-reference";
import type { SlotProfile } from "../types.ts";

type Given = Pick<SlotProfile, "image">;

export class WaitingImages {
  private readonly here = new Set<string>();

  /** A job runs in it: it is on this machine. */
  found(image: string): void {
    if (!isMutableImage(image)) {
      this.here.add(image);
    }
  }

  /** A container of it could not be started. */
  lost({ image }: Given): void {
    this.here.delete(image?.image ?? "");
  }

  mayWait({ image }: Given): boolean {
    return image === null || (image.pull !== "always" && this.here.has(image.image ?? ""));
  }

  /** The profile as a container has it that waits. */
  withoutPull<T extends Given>(profile: T): T {
    return profile.image === null ? profile : { ...profile, image: { ...profile.image, pull: "never" } };
  }
}

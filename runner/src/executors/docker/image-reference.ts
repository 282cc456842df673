/** References to container images, as the image table of a runner holds them. */
import * as z from "zod";

const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]{1,5})?/)?`;
const PART = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const TAG = String.raw`[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`;
const DIGEST = "sha256:[0-9a-f]{64}";
const REFERENCE = new RegExp(`^${HOST}${PART}(?:/${PART})*(?::(${TAG}))?(?:@(${DIGEST}))?$`);

/** `repository`, `repository:tag` or `repository@sha256:digest`, as the Docker Engine reads them; at most 255 characters. */
export const ImageReference = z
  .string()
  .max(255, "must be at most 255 characters")
  .refine((text) => text.length <= 255 && REFERENCE.test(text), {
    message: "must be an image such as repository:tag or repository@sha256: with 64 hexadecimal digits",
  });

/** Whether another image may stand under the same reference tomorrow: no digest, and no tag or one that moves. */
export function isMutableImage(reference: string): boolean {
  const [, tag, digest] = REFERENCE.exec(reference) ?? [];
  return digest === undefined && (tag === undefined || /^(?:latest|stable|main|master|edge|nightly)$/i.test(tag));
}

/** References to container images: what a runner's own table and an event may name. Plain functions without zod. */

const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]{1,5})?/)?`;
const PART = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const TAG = String.raw`[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`;
const DIGEST = "sha256:[0-9a-f]{64}";
const REFERENCE = new RegExp(`^${HOST}${PART}(?:/${PART})*(?::(${TAG}))?(?:@(${DIGEST}))?$`);

const MAX_CHARS = 255;

/** `repository`, `repository:tag` or `repository@sha256:digest`, as the Docker Engine reads them; at most 255 characters. */
export function isImageReference(text: string): boolean {
  return text.length <= MAX_CHARS && REFERENCE.test(text);
}

/** Whether another image may stand under the same reference tomorrow: no digest, and no tag or one that moves. */
export function isMutableImage(reference: string): boolean {
  const [, tag, digest] = REFERENCE.exec(reference) ?? [];
  return digest === undefined && (tag === undefined || /^(?:latest|stable|main|master|edge|nightly)$/i.test(tag));
}

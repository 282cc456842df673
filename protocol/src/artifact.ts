/** Artifacts: files that a run keeps. Their bytes lie in the blob store, what is said of them in the run. */
import * as z from "zod";

/** Largest artifact, in bytes. */
export const MAX_ARTIFACT_BYTES = 268_435_456;
/** All artifacts of a run together, in bytes. */
export const MAX_RUN_ARTIFACT_BYTES = 1_073_741_824;
/** Artifacts of one run. */
export const MAX_ARTIFACTS = 200;
const MAX_NAME_BYTES = 255;

/**
 * What is wrong with the name of an artifact, as the end of a sentence that begins with it; null when nothing is. A name
 * is a relative path that means the same on every system and never leads out of a folder that it is unpacked in.
 */
export function artifactNameProblem(name: string): string | null {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes === 0 || bytes > MAX_NAME_BYTES || !name.isWellFormed()) {
    return `must be 1 to ${MAX_NAME_BYTES} bytes of UTF-8`;
  }
  if (/[\p{C}\u2028\u2029\\:*?"<>|]/u.test(name)) {
    return String.raw`must be without control characters and \ : * ? " < > |`;
  }
  const bad = name.split("/").find((part) => part === "" || /^[ .]+$/.test(part) || /^ |[ .]$/.test(part));
  return bad === undefined
    ? null
    : 'must be a relative path such as "reports/today.csv", without empty parts, "." or "..", and no part may begin with a space or end with a space or a dot';
}

export const ArtifactName = z.string().superRefine((name, context) => {
  const message = artifactNameProblem(name);
  if (message !== null) {
    context.addIssue({ code: "custom", message, params: { code: "invalid_name" } });
  }
});

/** SHA-256 in small hexadecimal letters. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits in small letters");

export const Artifact = z
  .strictObject({
    /** In its run; part of its address. */
    number: z.int(),
    name: z.string(),
    bytes: z.int(),
    sha256: z.string(),
    contentType: z.string(),
    /** The attempt that stored it. */
    attempt: z.int(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Artifact" });
export type Artifact = z.infer<typeof Artifact>;

export const ArtifactList = z.strictObject({ items: z.array(Artifact) }).meta({ id: "ArtifactList" });
export type ArtifactList = z.infer<typeof ArtifactList>;

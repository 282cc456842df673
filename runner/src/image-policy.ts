/** Which images of users the local policy allows. */

/** `python:3.13` is `docker.io/library/python:3.13`, as the Docker Engine reads it; a pattern is read alike. */
export function fullImageName(reference: string): string {
  const slash = reference.indexOf("/");
  const first = slash < 0 ? "" : reference.slice(0, slash);
  if (first.includes(".") || first.includes(":") || first === "localhost") {
    return reference;
  }
  return slash < 0 ? `docker.io/library/${reference}` : `docker.io/${reference}`;
}

/** Host and port of the registry that an image comes from. */
export function registryOf(reference: string): string {
  return fullImageName(reference).split("/")[0] ?? "docker.io";
}

/**
 * Whether one of the patterns covers the image. `*` stands for any text, also none; everything else for itself. A
 * pattern of `*` alone allows all images, and one without a tag or digest every tag and digest of its repository.
 */
export function isImageAllowed(patterns: readonly string[], reference: string): boolean {
  const image = fullImageName(reference);
  return patterns.some((pattern) => {
    if (pattern === "*") {
      return true;
    }
    const whole = fullImageName(pattern);
    const open = /[:@*][^/]*$/.test(whole) ? whole : `${whole}:*`;
    return [open, ...(open === whole ? [] : [whole, `${whole}@*`])].some((one) => glob(one).test(image));
  });
}

function glob(pattern: string): RegExp {
  const parts = pattern.split(/\*+/).map((part) => part.replace(/[\\^$.|?+()[\]{}/-]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

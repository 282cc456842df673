/** `If-Match`: the version that a change is based on, as the `ETag` of an answer named it. */
import { AppError } from "@cronium/protocol/errors";

/** The version in `If-Match: "3"`; null without the header, or for `*`. Throws `invalid_value`. */
export function ifMatch(header: string | undefined): number | null {
  if (header === undefined || header === "*") {
    return null;
  }
  const version = /^"([1-9]\d{0,8})"$/.exec(header)?.[1];
  if (version === undefined) {
    throw new AppError("invalid_value", 'The header If-Match must be a version in quotes, such as "3", or *.');
  }
  return Number(version);
}

/** A condition that nothing looks at would be a promise that nobody keeps. Throws `invalid_value`; reads ignore it. */
export function refuseIfMatch(method: string, header: string | undefined): void {
  if (header !== undefined && header !== "*" && method !== "GET" && method !== "HEAD") {
    throw new AppError(
      "invalid_value",
      "What this route changes has no version that If-Match could be held against; leave the header out.",
    );
  }
}

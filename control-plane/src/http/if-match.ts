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

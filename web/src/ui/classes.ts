/** Joins class names; false and undefined leave nothing. */
export function classes(...names: readonly (string | false | undefined | null)[]): string {
  return names.filter(Boolean).join(" ");
}

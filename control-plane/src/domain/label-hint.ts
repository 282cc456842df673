/** Finds labels that were probably meant: for a run whose labels no runner carries. */

type Labels = Readonly<Record<string, string>>;

/** Letters that may differ. */
const MAX_DISTANCE = 2;

/**
 * The label of some runner that is closest to the missing one: by key and value at most two letters away, and not just
 * any short word. Null when none is close.
 */
export function closestLabel(key: string, value: string, fleet: readonly Labels[]): string | null {
  let best: { readonly label: string; readonly distance: number } | null = null;
  for (const labels of fleet) {
    for (const [otherKey, otherValue] of Object.entries(labels)) {
      const byKey = within(key, otherKey);
      const byValue = within(value, otherValue);
      if (byKey !== null && byValue !== null && (best === null || byKey + byValue < best.distance)) {
        best = { label: `${otherKey}=${otherValue}`, distance: byKey + byValue };
      }
    }
  }
  return best === null || best.distance === 0 ? null : best.label;
}

/** Letters between two words if they are at most two, and fewer than the shorter word has; else null. */
function within(a: string, b: string): number | null {
  const distance = levenshtein(a, b);
  return distance === 0 || (distance <= MAX_DISTANCE && distance < Math.min(a.length, b.length)) ? distance : null;
}

/** Insertions, deletions and replacements from one word to the other (Wagner and Fischer, 1974). */
export function levenshtein(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_DISTANCE) {
    return MAX_DISTANCE + 1;
  }
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

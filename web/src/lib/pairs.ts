/** Labels, environment and mounts as text a person types: one pair per line. */

export type ParsedPairs =
  | { readonly ok: true; readonly pairs: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly line: number; readonly message: string };

/** Reads `key=value` lines; empty lines are skipped, everything after the first `=` is the value. */
export function parsePairs(text: string): ParsedPairs {
  const pairs: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    if (raw.trim() === "") {
      continue;
    }
    const cut = raw.indexOf("=");
    const key = (cut === -1 ? raw : raw.slice(0, cut)).trim();
    if (cut === -1 || key === "") {
      return { ok: false, line: index + 1, message: `Line ${index + 1} needs the form name=value.` };
    }
    if (key in pairs) {
      return { ok: false, line: index + 1, message: `Line ${index + 1} names ${key} a second time.` };
    }
    pairs[key] = raw.slice(cut + 1);
  }
  return { ok: true, pairs: { ...pairs } };
}

export function pairsText(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join("\n");
}

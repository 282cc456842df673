export interface LineRange {
  readonly from: number;
  readonly to: number;
}

/** Reads `L120` or `L120-L180`; null when it is neither. */
export function parseLineHash(hash: string): LineRange | null {
  const match = /^#?L([1-9]\d{0,8})(?:-L([1-9]\d{0,8}))?$/.exec(hash);
  if (match === null) {
    return null;
  }
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  return { from: Math.min(from, to), to: Math.max(from, to) };
}

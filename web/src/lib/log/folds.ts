/** Which groups of a log are folded, by the number of the line with which they begin; in the address bar as text. */
export interface Folds {
  /** Whether groups are folded unless they are among the others. */
  readonly all: boolean;
  readonly others: ReadonlySet<number>;
}

export const UNFOLDED: Folds = { all: false, others: new Set() };
export const FOLDED: Folds = { all: true, others: new Set() };

const MAX_OTHERS = 200;

/** Reads `L12.L80`, `all` or `all.L12.L80`; nothing is folded where it is none of them. */
export function parseFolds(text: string | undefined): Folds {
  if (text === undefined || !/^(?:all|L[1-9]\d{0,8})(?:\.L[1-9]\d{0,8})*$/.test(text)) {
    return UNFOLDED;
  }
  const all = text.startsWith("all");
  const numbers = Array.from(text.matchAll(/\d+/g), ([digits]) => Number(digits));
  return { all, others: new Set(numbers.slice(0, MAX_OTHERS)) };
}

/** The same for the address bar; undefined where nothing is folded. */
export function foldsText({ all, others }: Folds): string | undefined {
  const numbers = [...others].sort((a, b) => a - b).slice(0, MAX_OTHERS);
  const parts = [...(all ? ["all"] : []), ...numbers.map((number) => `L${number}`)];
  return parts.length === 0 ? undefined : parts.join(".");
}

export function isFolded({ all, others }: Folds, number: number): boolean {
  return all !== others.has(number);
}

export function withFold(folds: Folds, number: number, folded: boolean): Folds {
  const others = new Set(folds.others);
  if (folded === folds.all) {
    others.delete(number);
  } else {
    others.add(number);
  }
  return { ...folds, others };
}

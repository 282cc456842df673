/** What a benchmark is: it measures ours beside a reference in the same run and tells what it found. */
import type { Case, Gates } from "./report.ts";

export type Benchmark = (options: {
  /** How often ours and the reference take turns; at least 5 for a figure worth keeping. */
  readonly rounds: number;
  readonly progress: (line: string) => void;
}) => Promise<{ readonly cases: readonly Case[]; readonly gates: Gates; readonly notes: readonly string[] }>;

export const noGateBroken: Gates = { lost: 0, duplicated: 0, reordered: 0 };

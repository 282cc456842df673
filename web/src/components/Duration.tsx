import type { ReactNode } from "react";
import { formatDuration } from "../lib/duration.ts";
import { useNow } from "../lib/now.ts";

export interface DurationProps {
  /** ISO 8601; null when it has not begun. */
  readonly from: string | null;
  /** ISO 8601; null counts up while `running`. */
  readonly to: string | null;
  readonly running?: boolean;
}

export function Duration({ from, to, running = false }: DurationProps): ReactNode {
  const isCounting = running && from !== null && to === null;
  const now = useNow(isCounting ? 1_000 : null);
  const end = to === null ? (isCounting ? now : null) : Date.parse(to);
  if (from === null || end === null) {
    return <span className="text-faint">–</span>;
  }
  const ms = Math.max(0, end - Date.parse(from));
  return <span className="whitespace-nowrap">{formatDuration(isCounting ? Math.floor(ms / 1_000) * 1_000 : ms)}</span>;
}

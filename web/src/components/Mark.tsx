import type { ReactNode } from "react";

/** The tick strip as a sign: three runs, and the one that just worked. */
export function Mark({ size = 18 }: { readonly size?: number }): ReactNode {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden className="shrink-0">
      <g className="fill-current">
        <rect x="3" y="18" width="5" height="10" />
        <rect x="10" y="10" width="5" height="18" />
        <rect x="17" y="14" width="5" height="14" />
      </g>
      <rect x="24" y="4" width="5" height="24" className="fill-good" />
    </svg>
  );
}

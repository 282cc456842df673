import type { ReactNode } from "react";

/** Labels as plain text, `name=value`; no frame around each. */
export function Labels({
  labels,
  none,
}: {
  readonly labels: Readonly<Record<string, string>>;
  readonly none: string;
}): ReactNode {
  const entries = Object.entries(labels);
  if (entries.length === 0) {
    return <span className="text-faint">{none}</span>;
  }
  const text = entries.map(([key, value]) => `${key}=${value}`).join("  ");
  return (
    <span className="font-mono text-12" title={text}>
      {text}
    </span>
  );
}

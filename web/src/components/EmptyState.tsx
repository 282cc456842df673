import type { ReactNode } from "react";
import { CopyLine } from "./CopyLine.tsx";

export interface EmptyStateProps {
  readonly title: string;
  readonly help?: string;
  readonly action?: ReactNode;
  /** A command that does the same from a terminal. */
  readonly command?: string;
}

/** Nothing here: one sentence, one action, one command to copy. */
export function EmptyState({ title, help, action, command }: EmptyStateProps): ReactNode {
  return (
    <div className="flex max-w-[68ch] flex-col items-start gap-3 px-4 py-8 lg:px-6">
      <h2 className="text-15 font-semibold">{title}</h2>
      {help === undefined ? null : <p className="text-dim">{help}</p>}
      {command === undefined ? null : <CopyLine text={command} />}
      {action}
    </div>
  );
}

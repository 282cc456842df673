import type { ReactNode } from "react";

export interface PageHeadProps {
  readonly title: ReactNode;
  /** Stands beside the title, such as a state. */
  readonly beside?: ReactNode;
  /** The main action last, top right. */
  readonly actions?: ReactNode;
  /** One line under the title. */
  readonly children?: ReactNode;
}

export function PageHead({ title, beside, actions, children }: PageHeadProps): ReactNode {
  return (
    <header className="flex flex-col gap-1 px-4 pb-2 pt-4 lg:px-6">
      <div className="flex min-h-8 flex-wrap items-start gap-x-3 gap-y-2 lg:flex-nowrap">
        {beside === undefined ? null : <div className="flex min-h-8 shrink-0 items-center">{beside}</div>}
        <h1 className="min-w-0 py-0.5 text-18 font-semibold">{title}</h1>
        {actions === undefined ? null : (
          <div className="ml-auto flex flex-wrap items-center gap-2 lg:shrink-0 lg:flex-nowrap">{actions}</div>
        )}
      </div>
      {children}
    </header>
  );
}

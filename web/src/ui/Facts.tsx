import { Fragment, type ReactNode } from "react";

export type FactRow = readonly [name: string, value: ReactNode];

/** Names and values in two columns. */
export function Facts({ rows }: { readonly rows: readonly FactRow[] }): ReactNode {
  return (
    <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 gap-y-1.5">
      {rows.map(([name, value]) => (
        <Fragment key={name}>
          <dt className="text-faint">{name}</dt>
          <dd className="min-w-0">{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

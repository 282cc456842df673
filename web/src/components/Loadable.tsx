import type { ReactNode } from "react";
import { Skeleton } from "../ui/Skeleton.tsx";
import { ErrorPanel } from "./ErrorPanel.tsx";

export interface LoadableProps<T> {
  readonly query: {
    readonly data: T | undefined;
    readonly error: unknown;
    readonly refetch: () => Promise<unknown>;
  };
  readonly rows?: number;
  readonly children: (data: T) => ReactNode;
}

/** Loading, failed or there. Data that is there stays while it is loaded anew, also when that fails. */
export function Loadable<T>({ query, rows, children }: LoadableProps<T>): ReactNode {
  if (query.data !== undefined) {
    return children(query.data);
  }
  if (query.error !== null) {
    return <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />;
  }
  return <Skeleton {...(rows === undefined ? {} : { rows })} />;
}

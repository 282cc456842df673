import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { icon } from "../ui/icons.ts";

export interface ErrorPanelProps {
  readonly error: unknown;
  readonly title?: string;
  readonly onRetry?: () => void;
}

/** What went wrong, what to do next, and the id to report it by. */
export function ErrorPanel({ error, title = t("error.title"), onRetry }: ErrorPanelProps): ReactNode {
  const isApi = error instanceof ApiError;
  return (
    <div
      role="alert"
      className="m-4 flex max-w-[68ch] flex-col items-start gap-2 border-l-2 border-bad py-1 pl-4 lg:mx-6"
    >
      <h2 className="flex items-center gap-1.5 font-semibold text-bad">
        <CircleAlert {...icon} />
        {title}
      </h2>
      <p>{error instanceof Error ? error.message : t("error.unknown")}</p>
      {isApi && error.hint !== "" ? <p className="text-dim">{error.hint}</p> : null}
      {isApi && error.requestId !== null ? (
        <p className="text-12 text-faint">
          {t("error.requestId")} <code className="font-mono">{error.requestId}</code>
        </p>
      ) : null}
      {onRetry === undefined ? null : (
        <Button size="small" onClick={onRetry} className="mt-1">
          {t("action.retry")}
        </Button>
      )}
    </div>
  );
}

/** The same in one line, for a form or a button that failed. */
export function ErrorLine({ error }: { readonly error: unknown }): ReactNode {
  if (error === null || error === undefined) {
    return null;
  }
  const api = error instanceof ApiError ? error : null;
  return (
    <p role="alert" className="text-12 text-bad">
      {error instanceof Error ? error.message : t("error.unknown")} {api?.hint}
      {api !== null && api.requestId !== null ? (
        <span className="text-faint">
          {" "}
          {t("error.requestId")} {api.requestId}
        </span>
      ) : null}
    </p>
  );
}

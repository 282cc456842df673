import type { ReactNode } from "react";
import { ErrorPanel } from "../components/ErrorPanel.tsx";
import { useTitle } from "../lib/document-title.ts";
import { t } from "../lib/text.ts";

/** In place of a page whose code failed; the frame around it keeps working. */
export function CrashPage({ error }: { readonly error: unknown }): ReactNode {
  useTitle(t("error.crash"));
  return (
    <>
      <ErrorPanel error={error} title={t("error.crash")} onRetry={() => location.reload()} />
      <p className="px-4 text-dim lg:px-6">{t("error.crashHint")}</p>
    </>
  );
}

import { useState, type ReactNode } from "react";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { ErrorLine } from "./ErrorPanel.tsx";

export interface ConflictLineProps {
  /** Of the change; anything but a conflict of versions is shown as every error is. */
  readonly error: unknown;
  /** Takes what the others made of it, and drops what was changed here. */
  readonly onReload: () => unknown;
  /** Makes the same change again, onto the newest version. */
  readonly onOverwrite: () => unknown;
}

/** Somebody else was faster: nothing was changed yet, and whoever stands here chooses whose change stays. */
export function ConflictLine({ error, onReload, onOverwrite }: ConflictLineProps): ReactNode {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  if (!isApiError(error, "version_conflict")) {
    return <ErrorLine error={error} />;
  }
  const choose = (act: () => unknown): void => {
    setBusy(true);
    setFailed(null);
    void Promise.resolve()
      .then(act)
      .catch(setFailed)
      .finally(() => setBusy(false));
  };
  return (
    <div role="alert" className="flex flex-col items-start gap-2 border-l-2 border-bad py-1 pl-3">
      <p className="text-bad">{t("stale.title")}</p>
      <p className="text-12 text-dim">{error.message}</p>
      <div className="flex flex-wrap gap-2">
        <Button size="small" busy={busy} onClick={() => choose(onReload)}>
          {t("stale.reload")}
        </Button>
        <Button size="small" look="danger" busy={busy} onClick={() => choose(onOverwrite)}>
          {t("stale.overwrite")}
        </Button>
      </div>
      <ErrorLine error={failed} />
    </div>
  );
}

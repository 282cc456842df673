import { type ReactNode, useState } from "react";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { type Replayed, useReplay } from "./replay.ts";

/** What was chosen, to be worked through again after a question; then what came of it. */
export function ReplayBar({
  ids,
  onClear,
}: {
  /** Oldest first. */
  readonly ids: readonly string[];
  readonly onClear: () => void;
}): ReactNode {
  const [isAsked, setAsked] = useState(false);
  const { work, done } = useReplay();
  if (ids.length === 0 && work.data === undefined && work.error === null) {
    return null;
  }
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 pb-3 lg:px-6">
      {ids.length === 0 ? null : (
        <>
          <Button busy={work.isPending} onClick={() => setAsked(true)}>
            {t("replay.many", ids.length)}
          </Button>
          <Button look="ghost" onClick={onClear}>
            {t("replay.clear")}
          </Button>
        </>
      )}
      <span aria-live="polite">
        {work.isPending ? t("replay.progress", done, work.variables.length) : null}
        {work.data === undefined ? null : <Outcome replayed={work.data} />}
      </span>
      <ErrorLine error={work.error} />
      <ConfirmDialog
        open={isAsked}
        title={t("replay.title", ids.length)}
        body={t("replay.body")}
        confirm={t("replay.confirm")}
        keep={t("replay.keep")}
        onConfirm={() => {
          setAsked(false);
          work.mutate(ids, { onSuccess: onClear });
        }}
        onClose={() => setAsked(false)}
      />
    </div>
  );
}

function Outcome({ replayed }: { readonly replayed: readonly Replayed[] }): ReactNode {
  const started = replayed.filter(({ answer }) => answer !== null && answer.runId !== null);
  // Each reason once.
  const reasons = new Set(replayed.flatMap(({ error }) => (error === null ? [] : [error.message])));
  return (
    <>
      {t("replay.done", started.length, replayed.length)}
      {[...reasons].slice(0, 3).map((reason) => (
        <span key={reason} className="ml-2 text-bad">
          {reason}
        </span>
      ))}
    </>
  );
}

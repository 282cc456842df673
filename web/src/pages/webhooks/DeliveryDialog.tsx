import { deliveryVerdicts } from "@cronium/protocol/webhook-tables";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { deliveryQuery } from "../../api/endpoints.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { CopyLine } from "../../components/CopyLine.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { TextLink } from "../../ui/TextLink.tsx";
import { DeliveryBody } from "./DeliveryBody.tsx";
import { useReplay } from "./replay.ts";
import { VerdictWord } from "./VerdictWord.tsx";

export interface DeliveryDialogProps {
  readonly id: string;
  readonly mayReplay: boolean;
  readonly onClose: () => void;
}

/** What arrived, byte for byte, what became of it, and doing it again. */
export function DeliveryDialog({ id, mayReplay, onClose }: DeliveryDialogProps): ReactNode {
  const query = useQuery(deliveryQuery(id));
  const [isAsked, setAsked] = useState(false);
  const { work: replay } = useReplay();
  const [done] = replay.data ?? [];
  return (
    <Dialog open onClose={onClose} shape="sheet" title={t("delivery.title")}>
      <Loadable query={query}>
        {(delivery) => (
          <div className="flex flex-col gap-4">
            <div className="flex flex-wrap items-center gap-3">
              <VerdictWord verdict={delivery.verdict} />
              <Time at={delivery.at} />
              {delivery.count === 1 ? null : <span>{t("deliveries.times", delivery.count)}</span>}
            </div>
            <p>{delivery.message ?? deliveryVerdicts[delivery.verdict]}</p>
            <ul className="flex flex-col gap-1">
              {delivery.runs.map((run) => (
                <li key={`${run.eventId} ${run.runId}`} className="flex flex-wrap items-center gap-2">
                  <VerdictWord verdict={run.verdict} />
                  {run.runId === null ? null : <TextLink to={paths.run(run.runId)}>{t("delivery.openRun")}</TextLink>}
                  {run.message === null ? null : <span className="text-dim">{run.message}</span>}
                </li>
              ))}
            </ul>
            {delivery.headers === null ? (
              <p className="text-faint">{t("delivery.notKept")}</p>
            ) : (
              <>
                {mayReplay ? (
                  <div className="flex items-center gap-3">
                    <Button busy={replay.isPending} onClick={() => setAsked(true)}>
                      {t("delivery.replay")}
                    </Button>
                    {done === undefined ? null : (
                      <span aria-live="polite">
                        {typeof done.answer?.runId === "string" ? (
                          <TextLink to={paths.run(done.answer.runId)}>{t("delivery.openRun")}</TextLink>
                        ) : (
                          (done.error?.message ?? t(`verdict.${done.answer?.verdict ?? "filtered"}`))
                        )}
                      </span>
                    )}
                    <ErrorLine error={replay.error} />
                  </div>
                ) : null}
                <DeliveryBody delivery={delivery} />
                <section className="flex flex-col gap-1">
                  <h3 className="text-12 font-medium text-dim">{t("delivery.headers")}</h3>
                  <CopyLine
                    text={Object.entries(delivery.headers)
                      .map(([name, value]) => `${name}: ${value}`)
                      .join("\n")}
                  />
                </section>
              </>
            )}
          </div>
        )}
      </Loadable>
      <ConfirmDialog
        open={isAsked}
        title={t("replay.title", 1)}
        body={t("replay.body")}
        confirm={t("replay.confirm")}
        keep={t("replay.keep")}
        onConfirm={() => {
          setAsked(false);
          replay.mutate([id]);
        }}
        onClose={() => setAsked(false)}
      />
    </Dialog>
  );
}

import { DEFAULT_GRACE_MS } from "@cronium/protocol/limits";
import type { Attempt, Run } from "@cronium/protocol/run";
import { isDeadLetter, isTerminal } from "@cronium/protocol/run-states";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Ban, RotateCcw, Undo2 } from "lucide-react";
import { Fragment, type ReactNode, useState } from "react";
import { useAskerNames } from "../../api/askers.ts";
import { keys } from "../../api/keys.ts";
import { cancelRun, requeueRun } from "../../api/runs.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { CopyAs } from "../../components/CopyAs.tsx";
import { Duration } from "../../components/Duration.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { PageHead } from "../../components/PageHead.tsx";
import { StateBadge } from "../../components/StateBadge.tsx";
import { Time } from "../../components/Time.tsx";
import { type NameOf, TriggerFacts } from "../../components/TriggerOf.tsx";
import { RunForm } from "../../forms/RunForm.tsx";
import { isApiError } from "../../lib/api-error.ts";
import { curlPost } from "../../lib/curl.ts";
import { apiPaths, paths } from "../../lib/paths.ts";
import { idempotencyKey } from "../../lib/random.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";
import { Tip } from "../../ui/Tip.tsx";
import { TextLink } from "../../ui/TextLink.tsx";

export interface RunHeadProps {
  readonly run: Run;
  readonly attempt: Attempt | null;
  readonly onAttempt: (attempt: number) => void;
}

export function RunHead({ run, attempt, onAttempt }: RunHeadProps): ReactNode {
  const [isRerunning, setRerunning] = useState(false);
  const { eventId } = run;
  const nameOf = useAskerNames();
  return (
    <PageHead
      beside={
        <>
          <StateBadge of="run" state={run.state} size="title" />
          {run.executor === "process" ? (
            <Tip text={t("run.noContainerWhy")}>
              <span className="text-12 text-warn">{t("run.noContainer")}</span>
            </Tip>
          ) : null}
        </>
      }
      title={
        <span className="line-clamp-2">
          {eventId === null ? (
            run.eventName
          ) : (
            <TextLink to={paths.event(eventId)} quiet>
              {run.eventName}
            </TextLink>
          )}
          {run.eventVersion === null ? null : (
            <span className="ml-1.5 font-normal text-faint">@{run.eventVersion}</span>
          )}
        </span>
      }
      actions={
        <>
          <span className="max-sm:hidden">
            <CopyAs forms={copyForms(run)} />
          </span>
          {eventId === null ? null : (
            <Button icon={<RotateCcw {...icon} />} onClick={() => setRerunning(true)}>
              {t("run.again")}
            </Button>
          )}
          {isDeadLetter(run) ? <RequeueButton runId={run.id} /> : null}
          <CancelButton run={run} />
        </>
      }
    >
      <dl className="flex flex-wrap items-center gap-x-4 gap-y-0.5 text-12">
        {facts(run, attempt, onAttempt, nameOf).map(([name, value]) => (
          <Fragment key={name}>
            <div className="flex items-center gap-1.5">
              <dt className="text-faint">{name}</dt>
              <dd className="text-dim">{value}</dd>
            </div>
          </Fragment>
        ))}
      </dl>
      {eventId !== null && isRerunning ? (
        <RunForm eventId={eventId} eventName={run.eventName} input={run.input} onClose={() => setRerunning(false)} />
      ) : null}
    </PageHead>
  );
}

function facts(
  run: Run,
  attempt: Attempt | null,
  onAttempt: (attempt: number) => void,
  nameOf: NameOf,
): readonly (readonly [string, ReactNode])[] {
  const runner = attempt?.runnerName ?? run.runnerName;
  return [
    ...(run.name === null ? [] : [[t("run.name"), run.name] as const]),
    ...(run.condition === null
      ? []
      : [[t("run.condition"), t(run.condition ? "run.conditionTrue" : "run.conditionFalse")] as const]),
    [t("column.trigger"), <TriggerFacts run={run} nameOf={nameOf} />],
    [
      t("column.runner"),
      <span className="inline-block max-w-64 truncate align-bottom" title={runner ?? undefined}>
        {runner ?? t("run.noRunner")}
      </span>,
    ],
    [t("column.queued"), <Time at={run.queuedAt} />],
    [t("column.duration"), <Duration from={run.startedAt} to={run.finishedAt} running={!isTerminal(run.state)} />],
    ...(run.attempts.length > 1
      ? [[t("run.attempt"), <AttemptChoice run={run} attempt={attempt} onAttempt={onAttempt} />] as const]
      : []),
  ];
}

function AttemptChoice({ run, attempt, onAttempt }: RunHeadProps): ReactNode {
  return (
    <select
      data-compact
      aria-label={t("run.attempt")}
      value={attempt?.attempt ?? run.attempt}
      onChange={(change) => onAttempt(Number(change.target.value))}
      className="h-6 rounded-control border border-line-strong bg-layer px-1 text-12"
    >
      {run.attempts.map((one) => (
        <option key={one.attempt} value={one.attempt}>
          {t("run.attemptOf", one.attempt, run.attempts.length)}
        </option>
      ))}
    </select>
  );
}

/** Nothing is lost by it, and it can be cancelled again, so it is not asked about. */
function RequeueButton({ runId }: { readonly runId: string }): ReactNode {
  const [key] = useState(idempotencyKey);
  const client = useQueryClient();
  const requeue = useMutation({
    mutationFn: () => requeueRun(runId, key),
    onSettled: () => client.invalidateQueries({ queryKey: keys.run(runId) }),
  });
  return (
    <>
      <Button
        look="primary"
        icon={<Undo2 {...icon} />}
        busy={requeue.isPending}
        title={t("run.requeueHelp")}
        onClick={() => requeue.mutate()}
      >
        {t("run.requeue")}
      </Button>
      <ErrorLine error={requeue.error} />
    </>
  );
}

/** A queued run stops at once and can be run again; a script at work is asked about first. */
function CancelButton({ run }: { readonly run: Run }): ReactNode {
  const [isAsking, setAsking] = useState(false);
  const cancel = useMutation({ mutationFn: () => cancelRun(run.id), onSettled: () => setAsking(false) });
  if (isTerminal(run.state)) {
    return null;
  }
  const isHarmless = run.state === "queued" || run.state === "waiting";
  const isPending = run.state === "cancelling" || cancel.isSuccess;
  const isTooLate = isApiError(cancel.error, "already_final");
  return (
    <>
      <Button
        look="danger"
        icon={<Ban {...icon} />}
        busy={cancel.isPending}
        blocked={isPending ? t("run.cancelPending") : undefined}
        onClick={() => (isHarmless ? cancel.mutate() : setAsking(true))}
      >
        {t("run.cancel")}
      </Button>
      {isTooLate ? null : <ErrorLine error={cancel.error} />}
      <ConfirmDialog
        open={isAsking}
        title={t("run.cancelTitle")}
        body={t("run.cancelBody", DEFAULT_GRACE_MS / 1_000)}
        confirm={t("run.cancel")}
        keep={t("run.cancelKeep")}
        busy={cancel.isPending}
        onConfirm={() => cancel.mutate()}
        onClose={() => setAsking(false)}
      />
    </>
  );
}

function copyForms(run: Run): readonly { readonly label: string; readonly text: () => string }[] {
  const id = { label: t("copy.id"), text: () => run.id };
  const { eventId } = run;
  if (eventId === null) {
    return [id];
  }
  const body = { input: run.input };
  return [
    id,
    { label: t("copy.curl"), text: () => curlPost(location.origin, apiPaths.eventRuns(eventId), body) },
    { label: t("copy.json"), text: () => JSON.stringify(body, null, 2) },
  ];
}

import type { Backfill } from "@cronium/protocol/api/schedules";
import type { Schedule } from "@cronium/protocol/schedule";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue, useState } from "react";
import { keys } from "../api/keys.ts";
import { backfillCountQuery, backfillQuery, startBackfill } from "../api/schedules.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { absoluteTime } from "../lib/time.ts";
import { momentOf, wallTime } from "../lib/wall-time.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input } from "../ui/Field.tsx";

export interface BackfillFormProps {
  readonly schedule: Schedule;
  readonly onClose: () => void;
}

const DAY_MS = 86_400_000;

/** Runs times of the past: the range, how many runs that is, how fast, and then how far it is. */
export function BackfillForm({ schedule: { id, name, timezone }, onClose }: BackfillFormProps): ReactNode {
  const [{ begin, end }] = useState(() => {
    const now = Math.floor(Date.now() / 60_000) * 60_000;
    return { begin: new Date(now - DAY_MS).toISOString(), end: new Date(now).toISOString() };
  });
  const [from, setFrom] = useState(() => wallTime(begin, timezone));
  const [to, setTo] = useState(() => wallTime(end, timezone));
  const [onlyMissing, setOnlyMissing] = useState(true);
  const [perMinute, setPerMinute] = useState("60");
  const rate =
    /^\d{1,4}$/.test(perMinute) && Number(perMinute) >= 1 && Number(perMinute) <= 6_000 ? Number(perMinute) : null;
  const moments = { from: momentOf(from, timezone), to: momentOf(to, timezone) };
  const asked = useDeferredValue(JSON.stringify({ ...moments, onlyMissing }));
  const range = JSON.parse(asked) as { readonly from: string | null; readonly to: string | null };
  const count = useQuery({
    ...backfillCountQuery(id, { from: range.from ?? "", to: range.to ?? "", onlyMissing, perMinute: 60 }),
    enabled: range.from !== null && range.to !== null,
  });
  const client = useQueryClient();
  const start = useMutation({
    mutationFn: () =>
      startBackfill(id, { from: moments.from ?? "", to: moments.to ?? "", onlyMissing, perMinute: rate ?? 60 }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.allOccurrences() }),
  });
  const started = start.data?.id ?? null;
  const why =
    moments.from === null || moments.to === null
      ? t("backfill.noRange")
      : rate === null
        ? t("backfill.rateWrong")
        : count.data?.matched === 0
          ? t("backfill.nothing")
          : undefined;
  return (
    <Dialog open onClose={onClose} title={t("backfill.title", name)}>
      {started === null || start.data === undefined ? (
        <form
          noValidate
          className="flex flex-col gap-4"
          onSubmit={(submit) => {
            submit.preventDefault();
            if (why === undefined) {
              start.mutate();
            }
          }}
        >
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label={t("backfill.from")} help={timezone}>
              {(control) => (
                <Input
                  {...control}
                  type="datetime-local"
                  value={from}
                  onChange={(change) => setFrom(change.target.value)}
                />
              )}
            </Field>
            <Field label={t("backfill.to")} help={t("backfill.toHelp")}>
              {(control) => (
                <Input
                  {...control}
                  type="datetime-local"
                  value={to}
                  onChange={(change) => setTo(change.target.value)}
                />
              )}
            </Field>
          </div>
          <label className="flex items-start gap-2">
            <input
              type="checkbox"
              className="mt-0.5"
              checked={onlyMissing}
              onChange={(change) => setOnlyMissing(change.target.checked)}
            />
            {t("backfill.onlyMissing")}
          </label>
          <Field
            label={t("backfill.rate")}
            help={t("backfill.rateHelp")}
            error={rate === null ? t("backfill.rateWrong") : undefined}
          >
            {(control) => (
              <Input
                {...control}
                inputMode="numeric"
                className="max-w-32"
                value={perMinute}
                onChange={(change) => setPerMinute(change.target.value)}
              />
            )}
          </Field>
          <div aria-live="polite" className="min-h-5">
            {count.data === undefined ? null : <p>{countText(count.data, timezone)}</p>}
          </div>
          <ErrorLine error={start.error ?? count.error} />
          <Button type="submit" look="primary" className="self-start" busy={start.isPending} blocked={why}>
            {t("backfill.start")}
          </Button>
        </form>
      ) : (
        <Progress id={started} begun={start.data} onClose={onClose} />
      )}
    </Dialog>
  );
}

function countText({ matched, first, last }: Backfill, zone: string): string {
  return first === null || last === null
    ? t("backfill.nothing")
    : t("backfill.count", matched, absoluteTime(Date.parse(first), zone), absoluteTime(Date.parse(last), zone));
}

/** It goes on by itself when this is closed. */
function Progress(props: { readonly id: string; readonly begun: Backfill; readonly onClose: () => void }): ReactNode {
  const query = useQuery(backfillQuery(props.id));
  const { done, matched, state } = query.data ?? props.begun;
  return (
    <div className="flex flex-col gap-4">
      <p aria-live="polite">
        {state === "finished" ? t("backfill.finished", done) : t("backfill.running", done, matched)}
      </p>
      <progress aria-label={t("backfill.progress")} className="w-full" max={Math.max(1, matched)} value={done} />
      <ErrorLine error={query.error} />
      <Button className="self-start" onClick={props.onClose}>
        {t("action.close")}
      </Button>
    </div>
  );
}

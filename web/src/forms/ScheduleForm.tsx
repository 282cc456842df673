import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue, useState } from "react";
import { eventsQuery } from "../api/events.ts";
import { itemsOf } from "../api/page.ts";
import { createSchedule, type NewSchedule, type PreviewAsk, schedulePreviewQuery } from "../api/schedules.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { absoluteTime, viewerZone } from "../lib/time.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input, Select } from "../ui/Field.tsx";

const PRESETS = [
  ["*/15 * * * *", "scheduleForm.quarter"],
  ["0 * * * *", "scheduleForm.hourly"],
  ["0 3 * * *", "scheduleForm.nightly"],
  ["0 9 * * 1-5", "scheduleForm.workdays"],
  ["0 0 1 * *", "scheduleForm.monthly"],
] as const;
const OVERLAPS = ["skip", "queue_one", "allow", "cancel_previous"] as const;
const CATCH_UPS = ["latest", "none", "all"] as const;

/** A cron pattern with its zone, and the next times that it names, by the very function that fires them. */
export function ScheduleForm({ onClose }: { readonly onClose: () => void }): ReactNode {
  const events = itemsOf(useInfiniteQuery(eventsQuery()).data);
  const [values, setValues] = useState({
    eventId: "",
    pattern: "0 3 * * *",
    timezone: viewerZone(),
    overlap: "skip" as NewSchedule["overlap"],
    catchUp: "latest" as NewSchedule["catchUp"]["mode"],
  });
  const change = (next: Partial<typeof values>): void => setValues({ ...values, ...next });
  const eventId = values.eventId === "" ? (events[0]?.id ?? "") : values.eventId;
  const timing = { kind: "cron", pattern: values.pattern } as const;
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: () =>
      createSchedule({
        eventId,
        timing,
        timezone: values.timezone,
        overlap: values.overlap,
        catchUp: { mode: values.catchUp },
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["schedules"] });
      onClose();
    },
  });
  // Texts, which are equal while they are the same: a new object in each render would be put off for ever.
  const pattern = useDeferredValue(values.pattern);
  const timezone = useDeferredValue(values.timezone);
  const ask: PreviewAsk = { timing: { kind: "cron", pattern }, timezone };
  const preview = useQuery(schedulePreviewQuery(ask));
  const messageAt = (pointer: string): string | undefined =>
    [save.error, preview.error]
      .map((error) => (isApiError(error) ? error.fieldMessage(pointer) : undefined))
      .find((message) => message !== undefined);
  const isPlaced = ["/timing/pattern", "/timezone"].some((pointer) => messageAt(pointer) !== undefined);
  return (
    <Dialog open onClose={onClose} shape="sheet" title={t("schedules.new")}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Field label={t("scheduleForm.event")}>
          {(control) => (
            <Select {...control} value={eventId} onChange={(event) => change({ eventId: event.target.value })}>
              {events.map((event) => (
                <option key={event.id} value={event.id}>
                  {event.name}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label={t("scheduleForm.preset")}>
          {(control) => (
            <Select
              {...control}
              value={PRESETS.some(([pattern]) => pattern === values.pattern) ? values.pattern : ""}
              onChange={(event) => change(event.target.value === "" ? {} : { pattern: event.target.value })}
            >
              <option value="">{t("scheduleForm.presetOwn")}</option>
              {PRESETS.map(([pattern, label]) => (
                <option key={pattern} value={pattern}>
                  {t(label)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field
          label={t("scheduleForm.pattern")}
          help={t("scheduleForm.patternHelp")}
          error={messageAt("/timing/pattern")}
        >
          {(control) => (
            <Input
              {...control}
              className="font-mono"
              spellCheck={false}
              value={values.pattern}
              onChange={(event) => change({ pattern: event.target.value })}
            />
          )}
        </Field>
        <Field label={t("scheduleForm.zone")} help={t("scheduleForm.zoneHelp")} error={messageAt("/timezone")}>
          {(control) => (
            <Input
              {...control}
              spellCheck={false}
              value={values.timezone}
              onChange={(event) => change({ timezone: event.target.value })}
            />
          )}
        </Field>
        {preview.data === undefined ? null : <NextTimes preview={preview.data} zone={values.timezone} />}
        <Field label={t("scheduleForm.overlap")}>
          {(control) => (
            <Select
              {...control}
              value={values.overlap}
              onChange={(event) => change({ overlap: event.target.value as typeof values.overlap })}
            >
              {OVERLAPS.map((overlap) => (
                <option key={overlap} value={overlap}>
                  {t(`scheduleForm.overlap.${overlap}`)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label={t("scheduleForm.catchUp")}>
          {(control) => (
            <Select
              {...control}
              value={values.catchUp}
              onChange={(event) => change({ catchUp: event.target.value as typeof values.catchUp })}
            >
              {CATCH_UPS.map((mode) => (
                <option key={mode} value={mode}>
                  {t(`scheduleForm.catchUp.${mode}`)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {isPlaced ? null : <ErrorLine error={save.error} />}
        <Button
          type="submit"
          look="primary"
          className="self-start"
          busy={save.isPending}
          blocked={eventId === "" ? t("events.none") : undefined}
        >
          {t("scheduleForm.create")}
        </Button>
      </form>
    </Dialog>
  );
}

/** In the schedule's zone, and in that of whoever looks; what changed clocks do stands beside. */
function NextTimes({
  preview,
  zone,
}: {
  readonly preview: NonNullable<Awaited<ReturnType<NonNullable<ReturnType<typeof schedulePreviewQuery>["queryFn"]>>>>;
  readonly zone: string;
}): ReactNode {
  const here = viewerZone();
  return (
    <section aria-label={t("scheduleForm.next")} className="flex flex-col gap-2 border-y border-line py-3">
      <h3 className="text-13 font-medium">{preview.sentence}</h3>
      <ol className="flex flex-col gap-1 text-12">
        {preview.fires.map((fire) => (
          <li key={fire.nominalAt} className="flex flex-col">
            <span>{absoluteTime(Date.parse(fire.nominalAt), zone)}</span>
            {here === zone ? null : (
              <span className="text-faint">
                {t("scheduleForm.here")} {absoluteTime(Date.parse(fire.nominalAt), here)}
              </span>
            )}
            {fire.note === null ? null : <span className="text-warn">{fire.note}</span>}
          </li>
        ))}
      </ol>
      {preview.clockRule === null ? null : <p className="text-12 text-faint">{preview.clockRule}</p>}
    </section>
  );
}

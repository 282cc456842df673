import type { Schedule } from "@cronium/protocol/schedule";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue, useState } from "react";
import { eventsQuery } from "../api/events.ts";
import { keys } from "../api/keys.ts";
import { itemsOf } from "../api/page.ts";
import {
  clockChangesQuery,
  createSchedule,
  type PreviewAsk,
  schedulePreviewQuery,
  scheduleQuery,
  updateSchedule,
} from "../api/schedules.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { NextTimes } from "../components/NextTimes.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input, Select } from "../ui/Field.tsx";
import { changesOf, newScheduleDraft, readScheduleDraft, scheduleDraft, type ScheduleDraft } from "./schedule-draft.ts";
import { ScheduleRuleFields } from "./ScheduleRuleFields.tsx";
import { TimingFields } from "./TimingFields.tsx";

export interface ScheduleFormProps {
  /** The one that is changed; without it a new one is made. */
  readonly schedule?: Schedule;
  readonly onClose: () => void;
}

/** Where what a field says is wrong: found here, or told by the API. */
export type MessageAt = (pointer: string) => string | undefined;

/** All that a schedule says, and the next times that it names, by the very function that fires them. */
export function ScheduleForm({ schedule, onClose }: ScheduleFormProps): ReactNode {
  const events = itemsOf(useInfiniteQuery(eventsQuery()).data);
  const [chosen, setChosen] = useState("");
  const eventId = schedule?.eventId ?? (chosen === "" ? (events[0]?.id ?? "") : chosen);
  // What is there changes while this is open; what was typed is measured by what it began with.
  const [began] = useState(() => (schedule === undefined ? newScheduleDraft() : scheduleDraft(schedule)));
  const [draft, setDraft] = useState(began);
  const [wasSent, setSent] = useState(false);
  const change = (next: Partial<ScheduleDraft>): void => setDraft({ ...draft, ...next });
  const { body, faults } = readScheduleDraft(draft);

  const client = useQueryClient();
  const save = useMutation({
    mutationFn: async ({ version }: { readonly version: number | null }) =>
      schedule === undefined || version === null
        ? createSchedule({ eventId, ...body })
        : updateSchedule(schedule.id, version, changesOf(readScheduleDraft(began).body, body)),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.schedules() });
      onClose();
    },
  });
  const [version, setVersion] = useState(schedule?.version ?? null);
  const isOutdated = isApiError(save.error, "version_conflict");
  /** Fields that nobody touched here stay as somebody else has left them. */
  const saveOver = async (): Promise<void> => {
    if (schedule !== undefined) {
      const newest = await client.fetchQuery({ ...scheduleQuery(schedule.id), staleTime: 0 });
      setVersion(newest.version);
      save.mutate({ version: newest.version });
    }
  };

  // A text, which is equal while it is the same: a new object in each render would be put off for ever.
  const { timing, timezone, startAt, endAt, blackouts, jitterMs } = body;
  const asked = useDeferredValue(JSON.stringify({ timing, timezone, startAt, endAt, blackouts, jitterMs }));
  const isWhole = !Object.keys(faults).some((pointer) =>
    /^\/(timing|timezone|startAt|endAt|blackouts|jitter)/.test(pointer),
  );
  const preview = useQuery({ ...schedulePreviewQuery(JSON.parse(asked) as PreviewAsk), enabled: isWhole });
  const touched = useQuery({
    ...clockChangesQuery(JSON.parse(asked) as PreviewAsk),
    enabled: isWhole && timing.kind === "cron" && preview.isSuccess,
  });
  const errors = [save.error, isWhole ? preview.error : null];
  const messageAt: MessageAt = (pointer) =>
    (wasSent || pointer === "/timezone" ? faults[pointer] : undefined) ??
    errors
      .map((error) => (isApiError(error) ? error.fieldMessage(pointer) : undefined))
      .find((text) => text !== undefined);
  const isPlaced = isApiError(save.error) && save.error.errors.length > 0;
  return (
    <Dialog
      open
      onClose={onClose}
      shape="sheet"
      title={schedule === undefined ? t("schedules.new") : t("scheduleForm.editTitle", schedule.name)}
    >
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          setSent(true);
          if (Object.keys(faults).length === 0) {
            save.mutate({ version });
          }
        }}
      >
        {schedule === undefined ? (
          <Field label={t("scheduleForm.event")} error={messageAt("/eventId")}>
            {(control) => (
              <Select {...control} value={eventId} onChange={(event) => setChosen(event.target.value)}>
                {events.map((event) => (
                  <option key={event.id} value={event.id}>
                    {event.name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        ) : null}
        <Field label={t("scheduleForm.name")} help={t("scheduleForm.nameHelp")} error={messageAt("/name")}>
          {(control) => (
            <Input
              {...control}
              autoComplete="off"
              value={draft.name}
              onChange={(event) => change({ name: event.target.value })}
            />
          )}
        </Field>
        <TimingFields draft={draft} onChange={change} messageAt={messageAt} />
        {preview.data === undefined || !isWhole ? null : (
          <section aria-label={t("scheduleForm.next")} className="flex flex-col gap-2 border-y border-line py-3">
            <h3 className="text-13 font-medium">{preview.data.sentence}</h3>
            <NextTimes preview={preview.data} zone={timezone} touched={touched.data ?? []} />
          </section>
        )}
        <ScheduleRuleFields draft={draft} onChange={change} messageAt={messageAt} />
        {isPlaced ? <p className="text-12 text-bad">{t("scheduleForm.look")}</p> : <ErrorLine error={save.error} />}
        {wasSent && Object.keys(faults).length > 0 ? (
          <p role="alert" className="text-12 text-bad">
            {t("scheduleForm.look")}
          </p>
        ) : null}
        <div className="flex gap-2">
          <Button
            type="submit"
            look="primary"
            busy={save.isPending}
            blocked={eventId === "" ? t("events.none") : undefined}
          >
            {schedule === undefined ? t("scheduleForm.create") : t("scheduleForm.save")}
          </Button>
          {isOutdated ? <Button onClick={() => void saveOver()}>{t("scheduleForm.saveOver")}</Button> : null}
        </div>
      </form>
    </Dialog>
  );
}

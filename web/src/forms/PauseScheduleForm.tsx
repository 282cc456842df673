import type { Schedule } from "@cronium/protocol/schedule";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { keys } from "../api/keys.ts";
import { pauseSchedule } from "../api/schedules.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { momentOf } from "../lib/wall-time.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input } from "../ui/Field.tsx";
import { PauseNoteField } from "./PauseNoteField.tsx";

/** Fires nothing: until somebody resumes it, or until a time of its zone. */
export function PauseScheduleForm({
  schedule: { id, name, timezone },
  onClose,
}: {
  readonly schedule: Schedule;
  readonly onClose: () => void;
}): ReactNode {
  const [until, setUntil] = useState("");
  const [note, setNote] = useState("");
  const client = useQueryClient();
  const pause = useMutation({
    mutationFn: pauseSchedule,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.schedules() });
      onClose();
    },
  });
  const wrong = isApiError(pause.error) ? pause.error.fieldMessage("/until") : undefined;
  return (
    <Dialog open onClose={onClose} title={t("schedule.pauseTitle", name)}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(submit) => {
          submit.preventDefault();
          const moment = momentOf(until, timezone);
          pause.mutate({ id, note: note.trim(), ...(moment === null ? {} : { until: moment }) });
        }}
      >
        <Field label={t("schedule.until", timezone)} help={t("schedule.untilHelp")} error={wrong}>
          {(control) => (
            <Input
              {...control}
              type="datetime-local"
              value={until}
              onChange={(change) => setUntil(change.target.value)}
            />
          )}
        </Field>
        <PauseNoteField note={note} onChange={setNote} />
        {wrong === undefined ? <ErrorLine error={pause.error} /> : null}
        <Button type="submit" look="primary" className="self-start" busy={pause.isPending}>
          {t("schedule.pause")}
        </Button>
      </form>
    </Dialog>
  );
}

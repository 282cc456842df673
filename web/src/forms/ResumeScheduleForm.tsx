import type { CatchUpMode } from "@cronium/protocol/schedule-tables";
import type { Schedule } from "@cronium/protocol/schedule";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { resumeSchedule } from "../api/schedules.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Select } from "../ui/Field.tsx";

const MODES = ["none", "latest", "all"] as const satisfies readonly CatchUpMode[];

/** Asks what becomes of the times that passed during the pause. */
export function ResumeScheduleForm({
  schedule,
  onClose,
}: {
  readonly schedule: Schedule;
  readonly onClose: () => void;
}): ReactNode {
  const [catchUp, setCatchUp] = useState<CatchUpMode>("none");
  const client = useQueryClient();
  const resume = useMutation({
    mutationFn: resumeSchedule,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["schedules"] });
      await client.invalidateQueries({ queryKey: ["occurrences"] });
      onClose();
    },
  });
  return (
    <Dialog open onClose={onClose} title={t("schedules.resumeTitle", schedule.name)}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          resume.mutate({ id: schedule.id, catchUp });
        }}
      >
        <Field label={t("schedules.resumeHelp")}>
          {(control) => (
            <Select {...control} value={catchUp} onChange={(event) => setCatchUp(event.target.value as typeof catchUp)}>
              {MODES.map((mode) => (
                <option key={mode} value={mode}>
                  {t(`schedules.resume.${mode}`)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <ErrorLine error={resume.error} />
        <Button type="submit" look="primary" className="self-start" busy={resume.isPending}>
          {t("schedules.resume")}
        </Button>
      </form>
    </Dialog>
  );
}

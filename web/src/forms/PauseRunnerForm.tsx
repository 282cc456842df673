import type { Runner } from "@cronium/protocol/runner-view";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { keys } from "../api/keys.ts";
import { pauseRunner } from "../api/runners.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Select } from "../ui/Field.tsx";
import { PauseNoteField } from "./PauseNoteField.tsx";

/** Seconds; 0 for a pause without an end. */
const TIMES = [0, 900, 3_600, 14_400, 86_400] as const;

/** Keeps a runner from new work, with a note for those who wonder, and an end if there is to be one. */
export function PauseRunnerForm({
  runner,
  onClose,
}: {
  readonly runner: Runner;
  readonly onClose: () => void;
}): ReactNode {
  const [note, setNote] = useState("");
  const [seconds, setSeconds] = useState(0);
  const client = useQueryClient();
  const pause = useMutation({
    mutationFn: () => pauseRunner(runner.id, { note: note.trim(), ...(seconds === 0 ? {} : { forSeconds: seconds }) }),
    onSuccess: () => {
      onClose();
      return client.invalidateQueries({ queryKey: keys.runners() });
    },
  });
  return (
    <Dialog open onClose={onClose} title={t("runner.pauseTitle", runner.name)}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          pause.mutate();
        }}
      >
        <p className="max-w-[60ch]">{t("runner.pauseBody")}</p>
        <PauseNoteField note={note} onChange={setNote} />
        <Field label={t("runner.for")}>
          {(control) => (
            <Select {...control} value={seconds} onChange={(event) => setSeconds(Number(event.target.value))}>
              {TIMES.map((time) => (
                <option key={time} value={time}>
                  {timeText(time)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <ErrorLine error={pause.error} />
        <Button type="submit" look="primary" className="self-start" busy={pause.isPending}>
          {t("runner.pause")}
        </Button>
      </form>
    </Dialog>
  );
}

function timeText(seconds: number): string {
  if (seconds === 0) {
    return t("runner.forNever");
  }
  return seconds < 3_600 ? t("runner.forMinutes", seconds / 60) : t("runner.forHours", seconds / 3_600);
}

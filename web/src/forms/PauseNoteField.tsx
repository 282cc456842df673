import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Field, Input } from "../ui/Field.tsx";

/** Why something is paused, for those who wonder. */
export function PauseNoteField({
  note,
  onChange,
}: {
  readonly note: string;
  readonly onChange: (note: string) => void;
}): ReactNode {
  return (
    <Field label={t("runner.note")} help={t("runner.noteHelp")}>
      {(control) => (
        <Input
          {...control}
          maxLength={500}
          autoComplete="off"
          value={note}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

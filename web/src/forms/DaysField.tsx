import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Field, Select } from "../ui/Field.tsx";

export interface DaysFieldProps {
  readonly label: string;
  readonly value: number;
  readonly choices: readonly number[];
  readonly onChoose: (days: number) => void;
}

/** How long something works, in days. */
export function DaysField({ label, value, choices, onChoose }: DaysFieldProps): ReactNode {
  return (
    <Field label={label}>
      {(control) => (
        <Select {...control} value={value} onChange={(event) => onChoose(Number(event.target.value))}>
          {choices.map((days) => (
            <option key={days} value={days}>
              {t("invite.dayCount", days)}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

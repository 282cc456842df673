import type { ComponentProps, ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Select } from "../ui/Field.tsx";

export interface DaysSelectProps extends Omit<ComponentProps<"select">, "onChange" | "value"> {
  readonly value: number;
  readonly choices: readonly number[];
  readonly onChoose: (days: number) => void;
}

/** How long something works, in days. */
export function DaysSelect({ value, choices, onChoose, ...rest }: DaysSelectProps): ReactNode {
  return (
    <Select value={value} onChange={(event) => onChoose(Number(event.target.value))} {...rest}>
      {choices.map((days) => (
        <option key={days} value={days}>
          {t("invite.dayCount", days)}
        </option>
      ))}
    </Select>
  );
}

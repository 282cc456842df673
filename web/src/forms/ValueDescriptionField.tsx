import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Field, Input } from "../ui/Field.tsx";

interface ValueDescriptionFieldProps {
  readonly value: string;
  readonly error?: string | undefined;
  readonly onChange: (description: string) => void;
}

/** What a secret or variable is for. */
export function ValueDescriptionField({ value, error, onChange }: ValueDescriptionFieldProps): ReactNode {
  return (
    <Field label={t("values.description")} error={error}>
      {(control) => (
        <Input {...control} maxLength={500} value={value} onChange={(event) => onChange(event.target.value)} />
      )}
    </Field>
  );
}

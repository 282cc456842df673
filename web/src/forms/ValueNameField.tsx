import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Field, Input } from "../ui/Field.tsx";

interface ValueNameFieldProps {
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (name: string) => void;
}

/** The name of a new secret or variable. */
export function ValueNameField({ value, error, onChange }: ValueNameFieldProps): ReactNode {
  return (
    <Field label={t("values.name")} help={t("values.nameHelp")} error={error}>
      {(control) => (
        <Input
          {...control}
          className="font-mono text-12"
          spellCheck={false}
          autoComplete="off"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Field, Input } from "../ui/Field.tsx";

export interface CodeFieldProps {
  readonly value: string;
  readonly onChange: (code: string) => void;
  /** Where recovery codes do not count. */
  readonly appOnly?: boolean;
}

/** A code of an authenticator app; browsers and phones offer to fill it in. */
export function CodeField({ value, onChange, appOnly = false }: CodeFieldProps): ReactNode {
  return (
    <Field label={t("code.label")} help={appOnly ? t("code.appHelp") : t("code.help")}>
      {(control) => (
        <Input
          {...control}
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={40}
          className="font-mono"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

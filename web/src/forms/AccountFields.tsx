import type { ReactNode } from "react";
import type { UseFormRegisterReturn } from "react-hook-form";
import { t } from "../lib/text.ts";
import { Field, Input } from "../ui/Field.tsx";

interface FieldProps {
  readonly field: UseFormRegisterReturn;
  readonly error: string | undefined;
}

export const nameRule = {
  validate: (name: string) => name.trim() !== "" || t("field.required"),
} as const;

export const emailRule = {
  validate: (email: string) => /^[^\s@]+@[^\s@]+$/.test(email.trim()) || t("field.email"),
} as const;

export const newPasswordRule = {
  minLength: { value: 10, message: t("field.passwordShort") },
  maxLength: { value: 256, message: t("field.passwordLong") },
  required: t("field.required"),
} as const;

export function NameField({ field, error }: FieldProps): ReactNode {
  return (
    <Field label={t("claim.name")} error={error}>
      {(control) => <Input {...control} autoComplete="name" maxLength={200} {...field} />}
    </Field>
  );
}

export function EmailField({ field, error, help }: FieldProps & { readonly help?: string }): ReactNode {
  return (
    <Field label={t("claim.email")} help={help} error={error}>
      {(control) => <Input {...control} type="email" autoComplete="username" {...field} />}
    </Field>
  );
}

export function NewPasswordField({ field, error, label }: FieldProps & { readonly label: string }): ReactNode {
  return (
    <Field label={label} help={t("claim.passwordHelp")} error={error}>
      {(control) => <Input {...control} type="password" autoComplete="new-password" {...field} />}
    </Field>
  );
}

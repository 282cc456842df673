import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useForm } from "react-hook-form";
import { resetPassword } from "../api/account-links.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { NewPasswordField, newPasswordRule } from "./AccountFields.tsx";

export interface ResetFormProps {
  readonly token: string;
  readonly email: string;
  readonly onReset: () => void;
}

export function ResetForm({ token, email, onReset }: ResetFormProps): ReactNode {
  const form = useForm({ defaultValues: { password: "" } });
  const reset = useMutation({
    mutationFn: ({ password }: { readonly password: string }) => resetPassword(token, password),
    onSuccess: onReset,
  });
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => void form.handleSubmit((values) => reset.mutate(values))(event)}
    >
      {/* For password managers, which tie the password to it. */}
      <input type="email" autoComplete="username" value={email} readOnly hidden />
      <NewPasswordField
        label={t("account.next")}
        field={form.register("password", newPasswordRule)}
        error={form.formState.errors.password?.message}
      />
      <ErrorLine error={reset.error} />
      <Button type="submit" look="primary" busy={reset.isPending}>
        {t("link.resetSubmit")}
      </Button>
    </form>
  );
}

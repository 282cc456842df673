import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useForm } from "react-hook-form";
import { claim, signIn } from "../api/account.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { ApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { EmailField, emailRule, NameField, nameRule, NewPasswordField, newPasswordRule } from "./AccountFields.tsx";

interface Values {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

export interface ClaimFormProps {
  readonly token: string;
  readonly onClaimed: () => Promise<void>;
}

/** Makes the owner account with the one-time token, then signs in. */
export function ClaimForm({ token, onClaimed }: ClaimFormProps): ReactNode {
  const form = useForm<Values>({ defaultValues: { name: "", email: "", password: "" } });
  const send = useMutation({
    mutationFn: async (values: Values) => {
      const email = values.email.trim();
      await claim({ token, name: values.name.trim(), email, password: values.password });
      await signIn(email, values.password);
    },
    onSuccess: onClaimed,
    onError: (error) => {
      for (const field of ["name", "email", "password"] as const) {
        const message = error instanceof ApiError ? error.fieldMessage(`/${field}`) : undefined;
        if (message !== undefined) {
          form.setError(field, { message });
        }
      }
    },
  });
  const { errors } = form.formState;
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => void form.handleSubmit((values) => send.mutate(values))(event)}
    >
      <NameField field={form.register("name", nameRule)} error={errors.name?.message} />
      <EmailField field={form.register("email", emailRule)} help={t("claim.emailHelp")} error={errors.email?.message} />
      <NewPasswordField
        label={t("claim.password")}
        field={form.register("password", newPasswordRule)}
        error={errors.password?.message}
      />
      <ErrorLine error={send.error} />
      <Button type="submit" look="primary" busy={send.isPending}>
        {send.isPending ? t("claim.busy") : t("claim.submit")}
      </Button>
    </form>
  );
}

import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useForm } from "react-hook-form";
import { askPasswordReset } from "../api/account-links.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { EmailField, emailRule } from "./AccountFields.tsx";

/** Hands on what the server says, which is the same for every address. */
export function ForgotForm({ onAsked }: { readonly onAsked: (said: string) => void }): ReactNode {
  const form = useForm({ defaultValues: { email: "" } });
  const ask = useMutation({
    mutationFn: ({ email }: { readonly email: string }) => askPasswordReset(email.trim()),
    onSuccess: ({ message }) => onAsked(message),
  });
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => void form.handleSubmit((values) => ask.mutate(values))(event)}
    >
      <EmailField field={form.register("email", emailRule)} error={form.formState.errors.email?.message} />
      <ErrorLine error={ask.error} />
      <Button type="submit" look="primary" busy={ask.isPending}>
        {t("forgot.submit")}
      </Button>
    </form>
  );
}

import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useForm } from "react-hook-form";
import { askRegistration } from "../api/account-links.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { EmailField, emailRule, NameField, nameRule, NewPasswordField, newPasswordRule } from "./AccountFields.tsx";

interface Values {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/** Asks for an account; the link that makes it goes to the address. */
export function RegisterForm({ onAsked }: { readonly onAsked: (said: string) => void }): ReactNode {
  const form = useForm<Values>({ defaultValues: { name: "", email: "", password: "" } });
  const ask = useMutation({
    mutationFn: ({ name, email, password }: Values) =>
      askRegistration({ name: name.trim(), email: email.trim(), password }),
    onSuccess: ({ message }) => onAsked(message),
  });
  const { errors } = form.formState;
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => void form.handleSubmit((values) => ask.mutate(values))(event)}
    >
      <NameField field={form.register("name", nameRule)} error={errors.name?.message} />
      <EmailField field={form.register("email", emailRule)} error={errors.email?.message} />
      <NewPasswordField
        label={t("claim.password")}
        field={form.register("password", newPasswordRule)}
        error={errors.password?.message}
      />
      <ErrorLine error={ask.error} />
      <Button type="submit" look="primary" busy={ask.isPending}>
        {t("register.submit")}
      </Button>
    </form>
  );
}

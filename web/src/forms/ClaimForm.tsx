import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useForm } from "react-hook-form";
import { claim, signIn } from "../api/account.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { ApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Field, Input } from "../ui/Field.tsx";

interface Values {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

const MIN_PASSWORD = 10;
const MAX_PASSWORD = 256;

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
      <Field label={t("claim.name")} error={errors.name?.message}>
        {(control) => (
          <Input
            {...control}
            autoComplete="name"
            maxLength={200}
            {...form.register("name", { validate: (name) => name.trim() !== "" || t("field.required") })}
          />
        )}
      </Field>
      <Field label={t("claim.email")} help={t("claim.emailHelp")} error={errors.email?.message}>
        {(control) => (
          <Input
            {...control}
            type="email"
            autoComplete="username"
            {...form.register("email", {
              validate: (email) => /^[^\s@]+@[^\s@]+$/.test(email.trim()) || t("field.email"),
            })}
          />
        )}
      </Field>
      <Field label={t("claim.password")} help={t("claim.passwordHelp")} error={errors.password?.message}>
        {(control) => (
          <Input
            {...control}
            type="password"
            autoComplete="new-password"
            {...form.register("password", {
              minLength: { value: MIN_PASSWORD, message: t("field.passwordShort") },
              maxLength: { value: MAX_PASSWORD, message: t("field.passwordLong") },
              required: t("field.required"),
            })}
          />
        )}
      </Field>
      <ErrorLine error={send.error} />
      <Button type="submit" look="primary" busy={send.isPending}>
        {send.isPending ? t("claim.busy") : t("claim.submit")}
      </Button>
    </form>
  );
}

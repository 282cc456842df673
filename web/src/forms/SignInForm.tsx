import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useForm } from "react-hook-form";
import { signIn } from "../api/account.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Field, Input } from "../ui/Field.tsx";

interface Values {
  readonly email: string;
  readonly password: string;
}

export interface SignInFormProps {
  readonly onSignedIn: () => Promise<void>;
  /** The password is right, and the account has a second factor. */
  readonly onHalfway: (token: string) => void;
}

export function SignInForm({ onSignedIn, onHalfway }: SignInFormProps): ReactNode {
  const form = useForm<Values>({ defaultValues: { email: "", password: "" } });
  const enter = useMutation({
    mutationFn: ({ email, password }: Values) => signIn(email.trim(), password),
    onSuccess: (token) => (token === null ? onSignedIn() : onHalfway(token)),
    onError: () => form.setFocus("password"),
  });
  const { errors } = form.formState;
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => void form.handleSubmit((values) => enter.mutate(values))(event)}
    >
      <Field label={t("signIn.email")} error={errors.email?.message}>
        {(control) => (
          <Input
            {...control}
            type="email"
            autoComplete="username"
            {...form.register("email", { required: t("field.required") })}
          />
        )}
      </Field>
      <Field label={t("signIn.password")} error={errors.password?.message}>
        {(control) => (
          <Input
            {...control}
            type="password"
            autoComplete="current-password"
            {...form.register("password", { required: t("field.required") })}
          />
        )}
      </Field>
      <ErrorLine error={enter.error} />
      <Button type="submit" look="primary" busy={enter.isPending}>
        {enter.isPending ? t("signIn.busy") : t("signIn.submit")}
      </Button>
    </form>
  );
}

import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useForm } from "react-hook-form";
import { keys } from "../api/keys.ts";
import { changePassword } from "../api/settings.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Field, Input } from "../ui/Field.tsx";

interface Values {
  readonly current: string;
  readonly next: string;
}

const EMPTY: Values = { current: "", next: "" };

export function PasswordForm(): ReactNode {
  const form = useForm<Values>({ defaultValues: EMPTY });
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: ({ current, next }: Values) => changePassword(current, next),
    onSuccess: () => {
      form.reset(EMPTY);
      return client.invalidateQueries({ queryKey: keys.sessions() });
    },
  });
  const { errors } = form.formState;
  return (
    <form
      noValidate
      className="flex max-w-80 flex-col gap-4"
      onSubmit={(event) => void form.handleSubmit((values) => change.mutate(values))(event)}
    >
      <Field label={t("account.current")} error={errors.current?.message}>
        {(control) => (
          <Input
            {...control}
            type="password"
            autoComplete="current-password"
            {...form.register("current", { required: t("field.required") })}
          />
        )}
      </Field>
      <Field label={t("account.next")} help={t("claim.passwordHelp")} error={errors.next?.message}>
        {(control) => (
          <Input
            {...control}
            type="password"
            autoComplete="new-password"
            {...form.register("next", {
              minLength: { value: 10, message: t("field.passwordShort") },
              maxLength: { value: 256, message: t("field.passwordLong") },
              required: t("field.required"),
            })}
          />
        )}
      </Field>
      <ErrorLine error={change.error} />
      {change.isSuccess ? (
        <p role="status" className="text-12 text-good">
          {t("account.changed")}
        </p>
      ) : null}
      <Button type="submit" className="self-start" busy={change.isPending}>
        {change.isPending ? t("account.changing") : t("account.change")}
      </Button>
    </form>
  );
}

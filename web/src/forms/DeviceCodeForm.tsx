import type { DeviceLogin } from "@cronium/protocol/api/device";
import { readUserCode } from "@cronium/protocol/user-code";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useForm } from "react-hook-form";
import { findDeviceLogin } from "../api/device.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Field, Input } from "../ui/Field.tsx";

interface DeviceCodeFormProps {
  /** What the address held, for the person to check. */
  readonly code: string;
  readonly onFound: (login: DeviceLogin) => void;
}

export function DeviceCodeForm({ code, onFound }: DeviceCodeFormProps): ReactNode {
  const form = useForm<{ readonly code: string }>({ defaultValues: { code } });
  const find = useMutation({
    mutationFn: (values: { readonly code: string }) => findDeviceLogin(readUserCode(values.code) ?? values.code),
    onSuccess: onFound,
  });
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => void form.handleSubmit((values) => find.mutate(values))(event)}
    >
      <Field label={t("device.code")} help={t("device.codeHelp")} error={form.formState.errors.code?.message}>
        {(control) => (
          <Input
            {...control}
            className="font-mono uppercase tracking-wider"
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            {...form.register("code", {
              validate: (text) => (readUserCode(text) === null ? t("device.codeWrong") : true),
            })}
          />
        )}
      </Field>
      <ErrorLine error={find.error} />
      <Button type="submit" look="primary" busy={find.isPending}>
        {find.isPending ? t("device.finding") : t("device.find")}
      </Button>
    </form>
  );
}

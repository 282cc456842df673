import type { InvitationView } from "@cronium/protocol/api/members";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useForm } from "react-hook-form";
import { acceptInvitation } from "../api/members.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Field, Input } from "../ui/Field.tsx";
import { NameField, nameRule, newPasswordRule } from "./AccountFields.tsx";
import { CodeField } from "./CodeField.tsx";

interface Values {
  readonly name: string;
  readonly password: string;
}

export interface JoinFormProps {
  readonly token: string;
  readonly invitation: InvitationView;
  readonly onJoined: () => Promise<void>;
}

/** Somebody new says how to call them and chooses a password; somebody known gives theirs. */
export function JoinForm({ token, invitation, onJoined }: JoinFormProps): ReactNode {
  const { hasAccount } = invitation;
  const form = useForm<Values>({ defaultValues: { name: "", password: "" } });
  const [code, setCode] = useState("");
  const join = useMutation({
    mutationFn: ({ name, password }: Values) =>
      acceptInvitation({
        token,
        password,
        ...(hasAccount ? {} : { name: name.trim() }),
        ...(code === "" ? {} : { code: code.trim() }),
      }),
    onSuccess: onJoined,
  });
  const { errors } = form.formState;
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => void form.handleSubmit((values) => join.mutate(values))(event)}
    >
      {hasAccount ? (
        <p className="text-dim">{t("join.known")}</p>
      ) : (
        <NameField field={form.register("name", nameRule)} error={errors.name?.message} />
      )}
      {/* For password managers, which tie the password to it. */}
      <input type="email" autoComplete="username" value={invitation.email} readOnly hidden />
      <Field
        label={t("claim.password")}
        {...(hasAccount ? {} : { help: t("claim.passwordHelp") })}
        error={errors.password?.message}
      >
        {(control) => (
          <Input
            {...control}
            type="password"
            autoComplete={hasAccount ? "current-password" : "new-password"}
            {...form.register("password", newPasswordRule)}
          />
        )}
      </Field>
      {isApiError(join.error, "second_factor_required") || isApiError(join.error, "wrong_code") || code !== "" ? (
        <CodeField value={code} onChange={setCode} />
      ) : null}
      <ErrorLine error={join.error} />
      <Button type="submit" look="primary" busy={join.isPending}>
        {join.isPending ? t("join.busy") : t("join.submit")}
      </Button>
    </form>
  );
}

import { verificationKinds } from "@cronium/protocol/webhook-tables";
import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Field, Input, Select } from "../ui/Field.tsx";
import type { EndpointDraft } from "./endpoint-draft.ts";

export interface VerificationFieldsProps {
  readonly draft: EndpointDraft;
  readonly isNew: boolean;
  readonly errorAt: (pointer: string) => string | undefined;
  readonly onChange: (next: Partial<EndpointDraft>) => void;
}

/** How senders prove who they are, with the secret that they do it by. */
export function VerificationFields({ draft, isNew, errorAt, onChange }: VerificationFieldsProps): ReactNode {
  const { kind } = draft;
  const text = (field: "username" | "header" | "prefix" | "secret") => ({
    value: draft[field],
    autoComplete: "off",
    spellCheck: false,
    onChange: (event: { readonly target: { readonly value: string } }) => onChange({ [field]: event.target.value }),
  });
  const choice = <K extends "kind" | "algorithm" | "encoding">(
    label: string,
    field: K,
    options: readonly (readonly [EndpointDraft[K] & string, string])[],
    help?: ReactNode,
  ): ReactNode => (
    <Field label={label} {...(help === undefined ? {} : { help })} error={errorAt(`/verification/${field}`)}>
      {(control) => (
        <Select
          {...control}
          value={draft[field]}
          onChange={(event) => {
            const chosen = options.find(([value]) => value === event.target.value)?.[0];
            if (chosen !== undefined) {
              onChange({ [field]: chosen });
            }
          }}
        >
          {options.map(([value, shown]) => (
            <option key={value} value={value}>
              {shown}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
  return (
    <>
      {choice(
        t("endpointForm.verify"),
        "kind",
        verificationKinds.map((one) => [one, t(`verify.${one}`)] as const),
        kind === "none" ? <span className="text-warn">{t("endpointForm.noneHelp")}</span> : undefined,
      )}
      {kind === "basic" ? (
        <Field label={t("endpointForm.username")} error={errorAt("/verification/username")}>
          {(control) => <Input {...control} {...text("username")} />}
        </Field>
      ) : null}
      {kind === "hmac" ? (
        <div className="grid grid-cols-2 items-start gap-3">
          <Field label={t("endpointForm.header")} error={errorAt("/verification/header")}>
            {(control) => <Input {...control} {...text("header")} />}
          </Field>
          <Field label={t("endpointForm.prefix")} error={errorAt("/verification/prefix")}>
            {(control) => <Input {...control} {...text("prefix")} placeholder="sha256=" />}
          </Field>
          {choice(t("endpointForm.algorithm"), "algorithm", [
            ["sha256", "SHA-256"],
            ["sha512", "SHA-512"],
            ["sha1", "SHA-1"],
          ])}
          {choice(t("endpointForm.encoding"), "encoding", [
            ["hex", t("endpointForm.hex")],
            ["base64", "Base64"],
          ])}
        </div>
      ) : null}
      {kind === "none" ? null : (
        <Field
          label={t(kind === "basic" ? "endpointForm.password" : "endpointForm.secret")}
          help={t(isNew ? "endpointForm.secretHelp" : "endpointForm.secretKept")}
          error={errorAt("/secret")}
        >
          {(control) => <Input {...control} {...text("secret")} type="password" autoComplete="new-password" />}
        </Field>
      )}
    </>
  );
}

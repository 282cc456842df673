import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Field, Input, Select } from "../ui/Field.tsx";
import { type EndpointDraft, repeatRules } from "./endpoint-draft.ts";

export interface ArrivalFieldsProps {
  readonly draft: EndpointDraft;
  readonly errorAt: (pointer: string) => string | undefined;
  readonly onChange: (next: Partial<EndpointDraft>) => void;
}

/** What makes a delivery a repeat of another, and whether its sender waits for the result. */
export function ArrivalFields({ draft, errorAt, onChange }: ArrivalFieldsProps): ReactNode {
  const input = (field: "repeatHeader" | "repeatPointer" | "repeatWindow" | "wait") => ({
    value: draft[field],
    autoComplete: "off",
    spellCheck: false,
    onChange: (event: { readonly target: { readonly value: string } }) => onChange({ [field]: event.target.value }),
  });
  const { repeats } = draft;
  return (
    <>
      <Field
        label={t("endpointForm.repeats")}
        help={t(`endpointForm.repeats.${repeats}Help`)}
        error={errorAt("/dedupe")}
      >
        {(control) => (
          <Select
            {...control}
            value={repeats}
            onChange={(event) => {
              const chosen = repeatRules.find((rule) => rule === event.target.value);
              if (chosen !== undefined) {
                onChange({ repeats: chosen });
              }
            }}
          >
            {repeatRules.map((rule) => (
              <option key={rule} value={rule}>
                {t(`endpointForm.repeats.${rule}`)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {repeats === "header" ? (
        <Field label={t("endpointForm.repeatHeader")} error={errorAt("/dedupe/header")}>
          {(control) => <Input {...control} {...input("repeatHeader")} placeholder="X-Delivery-Id" />}
        </Field>
      ) : null}
      {repeats === "field" ? (
        <Field
          label={t("endpointForm.repeatPointer")}
          help={t("endpointForm.repeatPointerHelp")}
          error={errorAt("/dedupe/pointer")}
        >
          {(control) => <Input {...control} {...input("repeatPointer")} placeholder="/event/id" />}
        </Field>
      ) : null}
      {repeats === "body" ? (
        <Field
          label={t("endpointForm.repeatWindow")}
          help={t("endpointForm.repeatWindowHelp")}
          error={errorAt("/dedupe/windowMs")}
        >
          {(control) => <Input {...control} {...input("repeatWindow")} />}
        </Field>
      ) : null}
      <Field label={t("endpointForm.wait")} help={t("endpointForm.waitHelp")} error={errorAt("/wait/timeoutMs")}>
        {(control) => <Input {...control} {...input("wait")} placeholder="10 s" />}
      </Field>
    </>
  );
}

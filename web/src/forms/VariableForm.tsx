import { type Variable, type VariableType } from "@cronium/protocol/api/variables";
import type { Json } from "@cronium/protocol/json";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { createVariable, setVariable } from "../api/values.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input, Select, TextArea } from "../ui/Field.tsx";
import { readVariableValue, variableText } from "./variable-value.ts";
import { ValueNameField } from "./ValueNameField.tsx";

const TYPES = ["string", "number", "boolean", "json"] as const satisfies readonly VariableType[];

export interface VariableFormProps {
  /** The one that gets another value; null makes one. */
  readonly variable: Variable | null;
  /** Whose a new one is; null for the workspace. */
  readonly eventId: string | null;
  readonly onClose: () => void;
}

/** A value of a type that everybody may see. Each save is a version of its own. */
export function VariableForm({ variable, eventId, onClose }: VariableFormProps): ReactNode {
  const [values, setValues] = useState({
    name: "",
    type: variable?.type ?? "string",
    text: variable === null ? "" : variableText(variable.value, variable.type),
    description: variable?.description ?? "",
  });
  const [wrong, setWrong] = useState<string | undefined>(undefined);
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (value: Json) => {
      const { type, description } = values;
      return variable === null
        ? createVariable({ name: values.name.trim(), value, type, description, eventId })
        : setVariable({ id: variable.id, change: { value, type, description, version: variable.version } });
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["variables"] });
      onClose();
    },
  });
  const messageAt = (pointer: string): string | undefined =>
    isApiError(save.error) ? save.error.fieldMessage(pointer) : undefined;
  const hasPlace = ["/name", "/value"].some((pointer) => messageAt(pointer) !== undefined);
  const isStale = isApiError(save.error, "version_conflict");
  const change = (next: Partial<typeof values>): void => {
    setValues({ ...values, ...next });
    setWrong(undefined);
  };
  return (
    <Dialog
      open
      onClose={onClose}
      shape="sheet"
      title={variable === null ? t("variables.new") : t("variables.editTitle", variable.name)}
    >
      <form
        noValidate
        autoComplete="off"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          const read = readVariableValue(values.text, values.type);
          if (read.ok) {
            save.mutate(read.value);
          } else {
            setWrong(read.message);
          }
        }}
      >
        {variable === null ? (
          <ValueNameField value={values.name} error={messageAt("/name")} onChange={(name) => change({ name })} />
        ) : null}
        <Field label={t("variables.type")}>
          {(control) => (
            <Select
              {...control}
              value={values.type}
              onChange={(event) => {
                const type = event.target.value as VariableType;
                change({ type, ...(type === "boolean" ? { text: "true" } : {}) });
              }}
            >
              {TYPES.map((type) => (
                <option key={type} value={type}>
                  {t(`variables.type.${type}`)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label={t("variables.value")} error={wrong ?? messageAt("/value")}>
          {(control) =>
            values.type === "boolean" ? (
              <Select {...control} value={values.text} onChange={(event) => change({ text: event.target.value })}>
                <option value="true">true</option>
                <option value="false">false</option>
              </Select>
            ) : (
              <TextArea
                {...control}
                rows={values.type === "json" ? 8 : 3}
                className="font-mono text-12"
                spellCheck={false}
                value={values.text}
                onChange={(event) => change({ text: event.target.value })}
              />
            )
          }
        </Field>
        <Field label={t("values.description")}>
          {(control) => (
            <Input
              {...control}
              maxLength={500}
              value={values.description}
              onChange={(event) => change({ description: event.target.value })}
            />
          )}
        </Field>
        {isStale ? (
          <p role="alert" className="text-12 text-bad">
            {t("variables.stale")}
          </p>
        ) : hasPlace ? null : (
          <ErrorLine error={save.error} />
        )}
        <Button type="submit" look="primary" className="self-start" busy={save.isPending}>
          {t("variables.store")}
        </Button>
      </form>
    </Dialog>
  );
}

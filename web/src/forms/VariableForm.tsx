import { type Variable, type VariableType } from "@cronium/protocol/api/variables";
import type { Json } from "@cronium/protocol/json";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { createVariable, setVariable, variablesQuery } from "../api/values.ts";
import { ConflictLine } from "../components/ConflictLine.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Select, TextArea } from "../ui/Field.tsx";
import { readVariableValue, variableText } from "./variable-value.ts";
import { ValueDescriptionField } from "./ValueDescriptionField.tsx";
import { ValueNameField } from "./ValueNameField.tsx";

const TYPES = ["string", "number", "boolean", "json"] as const satisfies readonly VariableType[];

export interface VariableFormProps {
  /** The one that gets another value; null makes one. */
  readonly variable: Variable | null;
  /** Whose a new one is; null for the workspace. */
  readonly eventId: string | null;
  readonly onClose: () => void;
}

function draftOf(variable: Variable | null): Draft {
  return {
    name: "",
    type: variable?.type ?? "string",
    text: variable === null ? "" : variableText(variable.value, variable.type),
    description: variable?.description ?? "",
  };
}

interface Draft {
  readonly name: string;
  readonly type: VariableType;
  readonly text: string;
  readonly description: string;
}

/** A value of a type that everybody may see. Each save is a version of its own. */
export function VariableForm({ variable, eventId, onClose }: VariableFormProps): ReactNode {
  const [base, setBase] = useState(variable);
  const [values, setValues] = useState(() => draftOf(variable));
  const [wrong, setWrong] = useState<string | undefined>(undefined);
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: ({ value, on }: { readonly value: Json; readonly on: Variable | null }) => {
      const { type, description } = values;
      return on === null
        ? createVariable({ name: values.name.trim(), value, type, description, eventId })
        : setVariable({ id: on.id, change: { value, type, description, version: on.version } });
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["variables"] });
      onClose();
    },
  });
  const messageAt = (pointer: string): string | undefined =>
    isApiError(save.error) ? save.error.fieldMessage(pointer) : undefined;
  const hasPlace = ["/name", "/value"].some((pointer) => messageAt(pointer) !== undefined);
  const newest = async (): Promise<Variable> => {
    const { items } = await client.fetchQuery({ ...variablesQuery(eventId), staleTime: 0 });
    const found = items.find(({ id }) => id === base?.id);
    if (found === undefined) {
      throw new Error(t("stale.gone"));
    }
    return found;
  };
  const send = (on: Variable | null): void => {
    const read = readVariableValue(values.text, values.type);
    if (read.ok) {
      save.mutate({ value: read.value, on });
    } else {
      setWrong(read.message);
    }
  };
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
          send(base);
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
        <ValueDescriptionField value={values.description} onChange={(description) => change({ description })} />
        {hasPlace ? null : (
          <ConflictLine
            error={save.error}
            onReload={async () => {
              const now = await newest();
              setBase(now);
              setValues(draftOf(now));
              save.reset();
            }}
            onOverwrite={async () => send(await newest())}
          />
        )}
        <Button type="submit" look="primary" className="self-start" busy={save.isPending}>
          {t("variables.store")}
        </Button>
      </form>
    </Dialog>
  );
}

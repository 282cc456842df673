import type { Json } from "@cronium/protocol/json";
import { type ReactNode, useState } from "react";
import { type FormField, readTyped, typedOf } from "../lib/schema-form.ts";
import { t } from "../lib/text.ts";
import { Field, Input, Select, TextArea } from "../ui/Field.tsx";

type Values = Readonly<Record<string, Json>>;

export interface SchemaFieldsProps {
  readonly fields: readonly FormField[];
  readonly values: Values;
  /** What the API said, by JSON pointer below the input, such as `/rows`. */
  readonly errors: Readonly<Record<string, string>>;
  readonly onChange: (values: Values) => void;
  /** Pointer of the object that the fields belong to; "" for the input itself. */
  readonly at?: string;
}

/** Fields made from an event's input schema. */
export function SchemaFields({ fields, values, errors, onChange, at = "" }: SchemaFieldsProps): ReactNode {
  const change = (name: string, value: Json | undefined): void => {
    const { [name]: _old, ...others } = values;
    onChange(value === undefined ? others : { ...values, [name]: value });
  };
  return (
    <div className="flex flex-col gap-3">
      {fields.map((field) => {
        const pointer = `${at}/${field.name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
        if (field.kind === "group") {
          const inner = values[field.name];
          const isObject = typeof inner === "object" && inner !== null && !Array.isArray(inner);
          return (
            <fieldset key={field.name} className="flex flex-col gap-2 border-l border-line pl-3">
              <legend className="text-12 font-medium text-dim">{field.label}</legend>
              <SchemaFields
                fields={field.fields}
                values={isObject ? (inner as Values) : {}}
                errors={errors}
                onChange={(next) => change(field.name, next)}
                at={pointer}
              />
            </fieldset>
          );
        }
        return (
          <OneField
            key={field.name}
            field={field}
            value={values[field.name]}
            error={errors[pointer]}
            onChange={(value) => change(field.name, value)}
          />
        );
      })}
    </div>
  );
}

function OneField({
  field,
  value,
  error,
  onChange,
}: {
  readonly field: Exclude<FormField, { kind: "group" }>;
  readonly value: Json | undefined;
  readonly error: string | undefined;
  readonly onChange: (value: Json | undefined) => void;
}): ReactNode {
  // What is typed stays as typed while it stands for the same value.
  const [typed, setTyped] = useState<string | null>(null);
  const read = typed === null ? null : readTyped(field, typed);
  const isSame = read !== null && JSON.stringify(read.value) === JSON.stringify(value);
  const isWrong = typed !== null && read === null;
  const text = typed !== null && (isSame || isWrong) ? typed : typedOf(field, value);
  const type = (next: string): void => {
    setTyped(next);
    const usable = readTyped(field, next);
    if (usable !== null) {
      onChange(usable.value);
    }
  };
  const label = field.isRequired ? t("schemaForm.required", field.label) : field.label;
  const help = field.help === "" ? (field.kind === "list" ? t("schemaForm.lines") : undefined) : field.help;
  return (
    <Field label={label} help={help} error={isWrong ? t(`schemaForm.wrong.${wrongKind(field)}`) : error}>
      {(control) => {
        const shared = { ...control, spellCheck: false, autoComplete: "off" };
        switch (field.kind) {
          case "boolean":
            return (
              <Select
                {...control}
                value={value === undefined ? "" : JSON.stringify(value)}
                onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value === "true")}
              >
                <option value="">{t("schemaForm.none")}</option>
                <option value="true">{t("schemaForm.yes")}</option>
                <option value="false">{t("schemaForm.no")}</option>
              </Select>
            );
          case "choice":
            return (
              <Select
                {...control}
                value={value === undefined ? "" : JSON.stringify(value)}
                onChange={(event) =>
                  onChange(event.target.value === "" ? undefined : (JSON.parse(event.target.value) as Json))
                }
              >
                <option value="">{t("schemaForm.none")}</option>
                {field.choices.map((choice) => (
                  <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>
                    {typeof choice === "string" ? choice : JSON.stringify(choice)}
                  </option>
                ))}
              </Select>
            );
          case "list":
          case "json":
            return (
              <TextArea
                {...shared}
                value={text}
                onChange={(event) => type(event.target.value)}
                rows={3}
                className="font-mono text-12"
              />
            );
          case "text":
          case "integer":
          case "number":
            return (
              <Input
                {...shared}
                value={text}
                inputMode={field.kind === "text" ? "text" : "decimal"}
                onChange={(event) => type(event.target.value)}
              />
            );
          default:
            return field satisfies never;
        }
      }}
    </Field>
  );
}

function wrongKind(field: FormField): "number" | "json" {
  return field.kind === "json" ? "json" : "number";
}

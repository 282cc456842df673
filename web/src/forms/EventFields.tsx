import { ChainFields } from "./ChainFields.tsx";
import { ContainerFields } from "./ContainerFields.tsx";
import { runtimes } from "./runtimes.ts";
import { ValuePicker } from "./ValuePicker.tsx";
import type { ReactNode } from "react";
import type { DraftErrors, EventDraft } from "./event-draft.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Field, Input, Select, TextArea } from "../ui/Field.tsx";

const EXAMPLE_SCHEMA = {
  type: "object",
  properties: {
    region: { type: "string", enum: ["eu", "us"], default: "eu", description: "Where the orders are" },
    rows: { type: "integer", minimum: 1, maximum: 1000 },
  },
  required: ["rows"],
  additionalProperties: false,
};

export interface EventFieldsProps {
  /** Null for one that is not saved yet. */
  readonly eventId: string | null;
  readonly draft: EventDraft;
  readonly errors: DraftErrors;
  readonly onChange: (change: Partial<EventDraft>) => void;
  /** Said where labels match no runner. */
  readonly labelWarning: string | null;
}

/** Everything of an event but its script. */
export function EventFields({ eventId, draft, errors, onChange, labelWarning }: EventFieldsProps): ReactNode {
  const text = (
    field:
      | "description"
      | "timeout"
      | "memoryMb"
      | "scriptRetries"
      | "maxAttempts"
      | "labels"
      | "env"
      | "mounts"
      | "defaultInput"
      | "inputSchema",
  ) => ({
    value: draft[field],
    onChange: (change: { readonly target: { readonly value: string } }) => onChange({ [field]: change.target.value }),
    spellCheck: false,
    autoComplete: "off",
  });
  return (
    <div className="flex flex-col gap-5">
      <Group>
        <Field label={t("editor.description")} error={errors.description}>
          {(control) => <TextArea {...control} {...text("description")} spellCheck rows={2} maxLength={2_000} />}
        </Field>
        <Field label={t("editor.runtime")} error={errors.runtime}>
          {(control) => (
            <Select
              {...control}
              value={draft.runtime}
              onChange={(change) => onChange({ runtime: change.target.value as EventDraft["runtime"] })}
            >
              {runtimes.map((runtime) => (
                <option key={runtime.value} value={runtime.value}>
                  {runtime.label}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </Group>
      <Group title={t("editor.input")}>
        <Field label={t("editor.defaultInput")} help={t("editor.defaultInputHelp")} error={errors.defaultInput}>
          {(control) => <TextArea {...control} {...text("defaultInput")} rows={3} className="font-mono text-12" />}
        </Field>
        <Field label={t("editor.inputSchema")} help={t("editor.inputSchemaHelp")} error={errors.inputSchema}>
          {(control) => <TextArea {...control} {...text("inputSchema")} rows={5} className="font-mono text-12" />}
        </Field>
        {draft.inputSchema.trim() === "" ? (
          <Button look="ghost" onClick={() => onChange({ inputSchema: JSON.stringify(EXAMPLE_SCHEMA, null, 2) })}>
            {t("editor.inputSchemaExample")}
          </Button>
        ) : null}
      </Group>
      <Group title={t("settings.values")}>
        <ValuePicker
          eventId={eventId}
          runtime={draft.runtime}
          secrets={draft.secrets}
          secretEnv={draft.secretEnv}
          error={errors.secrets ?? errors.secretEnv}
          onChange={onChange}
        />
      </Group>
      <Group title={t("editor.limits")}>
        <div className="grid grid-cols-2 items-start gap-3">
          <Field label={t("editor.timeout")} help={t("editor.timeoutHelp")} error={errors.timeout}>
            {(control) => <Input {...control} {...text("timeout")} />}
          </Field>
          <Field label={t("editor.memory")} error={errors.memoryMb}>
            {(control) => <Input {...control} {...text("memoryMb")} inputMode="numeric" />}
          </Field>
        </div>
      </Group>
      <Group title={t("editor.where")}>
        <Field
          label={t("editor.labels")}
          help={labelWarning === null ? t("editor.labelsHelp") : <span className="text-warn">{labelWarning}</span>}
          error={errors.labels}
        >
          {(control) => <TextArea {...control} {...text("labels")} rows={2} className="font-mono text-12" />}
        </Field>
        <Field label={t("editor.mounts")} help={t("editor.mountsHelp")} error={errors.mounts}>
          {(control) => <TextArea {...control} {...text("mounts")} rows={2} className="font-mono text-12" />}
        </Field>
        <Field label={t("editor.env")} help={t("editor.envHelp")} error={errors.env}>
          {(control) => <TextArea {...control} {...text("env")} rows={3} className="font-mono text-12" />}
        </Field>
      </Group>
      <Group title={t("editor.container")}>
        <ContainerFields
          container={draft.container}
          error={errors.container}
          onChange={(container) => onChange({ container })}
        />
      </Group>
      <Group title={t("editor.retries")}>
        <div className="grid grid-cols-2 items-end gap-3">
          <Field label={t("editor.scriptRetries")} error={errors.scriptRetries}>
            {(control) => <Input {...control} {...text("scriptRetries")} inputMode="numeric" />}
          </Field>
          <Field label={t("editor.maxAttempts")} error={errors.maxAttempts}>
            {(control) => <Input {...control} {...text("maxAttempts")} inputMode="numeric" />}
          </Field>
        </div>
        <Field label={t("editor.onLost")} error={errors.onLost}>
          {(control) => (
            <Select
              {...control}
              value={draft.onLost}
              onChange={(change) => onChange({ onLost: change.target.value as EventDraft["onLost"] })}
            >
              {(["retry", "fail", "wait"] as const).map((policy) => (
                <option key={policy} value={policy}>
                  {t(`editor.onLost.${policy}`)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <blockquote className="border-l-2 border-line-strong pl-3 text-12 text-dim">{promise()}</blockquote>
      </Group>
      <Group title={t("chains.title")}>
        <ChainFields
          eventId={eventId}
          chains={draft.chains}
          error={errors.chains}
          onChange={(chains) => onChange({ chains })}
        />
      </Group>
    </div>
  );
}

function Group({ title, children }: { readonly title?: string; readonly children: ReactNode }): ReactNode {
  return (
    <fieldset className="flex flex-col gap-3">
      {title === undefined ? null : <legend className="mb-2 text-13 font-semibold">{title}</legend>}
      {children}
    </fieldset>
  );
}

/** The published promise, its code words set as code. */
function promise(): ReactNode {
  return t("editor.promise")
    .split("`")
    .map((part, index) =>
      index % 2 === 0 ? (
        part
      ) : (
        <code key={index} className="font-mono text-text">
          {part}
        </code>
      ),
    );
}

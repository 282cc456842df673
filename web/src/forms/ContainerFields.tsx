import { isMutableImage } from "@cronium/protocol/image-reference";
import type { ComponentProps, ReactNode } from "react";
import { formatDuration } from "../lib/duration.ts";
import { t } from "../lib/text.ts";
import { Field, Input, Select, TextArea } from "../ui/Field.tsx";
import {
  type ContainerChoice,
  containerChoices,
  type ContainerField,
  containerNumbers,
  containerTexts,
  defaultText,
  modes,
  withContainerText,
} from "./container-draft.ts";

export interface ContainerFieldsProps {
  /** As `containerText` makes it. */
  readonly container: string;
  readonly error: string | undefined;
  readonly onChange: (container: string) => void;
}

/** Image, network and limits of a job's container; what is rarely changed is folded away. */
export function ContainerFields({ container, error, onChange }: ContainerFieldsProps): ReactNode {
  const texts = containerTexts(container);
  const control = (field: ContainerField) => ({
    value: texts[field] ?? defaultText(field),
    onChange: (change: { readonly target: { readonly value: string } }) =>
      onChange(withContainerText(container, field, change.target.value)),
    spellCheck: false,
    autoComplete: "off",
  });
  const { image = "", mode = "none" } = texts;
  const advanced = Object.keys(texts).some((field) => !["image", "pull", "mode", "hosts"].includes(field));
  const choice = (field: Exclude<ContainerChoice, "keepFailedMs">): ReactNode => (
    <Field key={field} label={t(`container.${field}`)}>
      {(one) => (
        <Select {...one} {...control(field)}>
          {containerChoices[field].map((value) => (
            <option key={value} value={value}>
              {t(`container.${field}.${value}` as "container.pull.missing")}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
  const warning = image !== "" && isMutableImage(image.trim()) ? t("container.mutable") : undefined;
  return (
    <>
      <Field
        label={t("container.image")}
        help={warning === undefined ? t("container.imageHelp") : <span className="text-warn">{warning}</span>}
        error={error}
      >
        {(one) => <Input {...one} {...control("image")} className="font-mono text-12" />}
      </Field>
      <div className="grid grid-cols-2 items-end gap-3">
        {choice("pull")}
        <Field label={t("container.mode")}>
          {(one) => (
            <Select {...one} {...control("mode")}>
              {modes.map((value) => (
                <option key={value} value={value}>
                  {t(`container.mode.${value}`)}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      {mode === "allowlist" ? (
        <Field label={t("container.hosts")} help={t("container.hostsHelp")}>
          {(one) => <TextArea {...one} {...control("hosts")} rows={3} className="font-mono text-12" />}
        </Field>
      ) : null}
      <details open={advanced || undefined}>
        <summary className="cursor-pointer text-12 font-medium text-dim">{t("container.advanced")}</summary>
        <div className="mt-3 grid grid-cols-2 items-end gap-3">
          {containerNumbers.map((field) => (
            <Field key={field} label={t(`container.${field}`)}>
              {(one) => <Input {...one} {...control(field)} inputMode="decimal" placeholder={t("container.none")} />}
            </Field>
          ))}
          {(["isolated", "reuse", "log", "logOverflow", "executor"] as const).map(choice)}
          <KeepFailed given={texts.keepFailedMs} control={control("keepFailedMs")} />
        </div>
        <div className="mt-3">
          <Field label={t("container.packages")} help={t("container.packagesHelp")}>
            {(one) => <TextArea {...one} {...control("packages")} rows={2} className="font-mono text-12" />}
          </Field>
        </div>
      </details>
    </>
  );
}

/** Some spans to choose from, and whatever else the event has. */
function KeepFailed({
  given,
  control,
}: {
  readonly given: string | undefined;
  readonly control: Pick<ComponentProps<"select">, "value" | "onChange">;
}): ReactNode {
  const known: readonly string[] = containerChoices.keepFailedMs;
  const values = given === undefined || known.includes(given) ? known : [...known, given];
  return (
    <Field label={t("container.keepFailedMs")}>
      {(one) => (
        <Select {...one} {...control}>
          {values.map((value) => (
            <option key={value} value={value}>
              {value === "0" ? t("container.keepFailedMs.none") : formatDuration(Number(value))}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

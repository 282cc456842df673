import { registrationTokenKinds, type RegistrationTokenKind } from "@cronium/protocol/registration-tokens";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { keys } from "../api/keys.ts";
import { createRegistrationToken } from "../api/runners.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { ShownOnce } from "../components/ShownOnce.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input, Select, TextArea } from "../ui/Field.tsx";
import { useProven } from "./ProofDialog.tsx";

const MINUTES = [5, 15, 60] as const;
const kinds = Object.keys(registrationTokenKinds) as RegistrationTokenKind[];

interface Values {
  readonly kind: RegistrationTokenKind;
  readonly maxUses: string;
  readonly labels: string;
  readonly minutes: number;
}

/** Makes a token; the command with it is shown once. */
export function NewTokenForm({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [values, setValues] = useState<Values>({ kind: "single_use", maxUses: "10", labels: "", minutes: 60 });
  const client = useQueryClient();
  const [command, setCommand] = useState<string | null>(null);
  const make = useProven(createRegistrationToken, ({ installCommand }) => {
    setCommand(installCommand);
    return client.invalidateQueries({ queryKey: keys.registrationTokens() });
  });
  if (command !== null) {
    return (
      <ShownOnce
        title={t("tokens.madeTitle")}
        body={t("tokens.once")}
        text={command}
        copy={t("tokens.copy")}
        onClose={onClose}
      />
    );
  }
  const { labels, wrong } = readLabels(values.labels);
  const isOne = values.kind === "single_use";
  const submit = (): void => {
    make.run({
      kind: values.kind,
      labels,
      expiresInSeconds: values.minutes * 60,
      ...(isOne ? {} : { maxUses: Number(values.maxUses) }),
    });
  };
  return (
    <Dialog open onClose={onClose} shape="sheet" title={t("tokens.newTitle")}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (wrong === null) {
            submit();
          }
        }}
      >
        <Field label={t("tokens.kind")} help={registrationTokenKinds[values.kind]}>
          {(control) => (
            <Select
              {...control}
              value={values.kind}
              onChange={(event) =>
                setValues({ ...values, kind: kinds.find((kind) => kind === event.target.value) ?? "single_use" })
              }
            >
              {kinds.map((kind) => (
                <option key={kind} value={kind}>
                  {t(`tokens.${kind}`)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {isOne ? null : (
          <Field label={t("tokens.maxUses")} help={t("tokens.maxUsesHelp")}>
            {(control) => (
              <Input
                {...control}
                type="number"
                min={1}
                max={1_000}
                value={values.maxUses}
                onChange={(event) => setValues({ ...values, maxUses: event.target.value })}
              />
            )}
          </Field>
        )}
        <Field
          label={t("tokens.labels")}
          help={t("tokens.labelsHelp")}
          error={wrong === null ? undefined : t("tokens.badLabel", wrong)}
        >
          {(control) => (
            <TextArea
              {...control}
              rows={3}
              autoComplete="off"
              spellCheck={false}
              value={values.labels}
              onChange={(event) => setValues({ ...values, labels: event.target.value })}
            />
          )}
        </Field>
        <Field label={t("tokens.minutes")}>
          {(control) => (
            <Select
              {...control}
              value={values.minutes}
              onChange={(event) => setValues({ ...values, minutes: Number(event.target.value) })}
            >
              {MINUTES.map((minutes) => (
                <option key={minutes} value={minutes}>
                  {t("tokens.minuteCount", minutes)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <ErrorLine error={make.error} />
        <Button type="submit" look="primary" className="self-start" busy={make.busy}>
          {t("tokens.submit")}
        </Button>
      </form>
      {make.dialog}
    </Dialog>
  );
}

/** `wrong` is the first line that is none. */
function readLabels(text: string): { readonly labels: Record<string, string>; readonly wrong: string | null } {
  const labels: Record<string, string> = {};
  for (const line of text.split("\n").map((one) => one.trim())) {
    const cut = line.indexOf("=");
    if (line !== "" && cut < 1) {
      return { labels, wrong: line };
    }
    if (line !== "") {
      labels[line.slice(0, cut).trim()] = line.slice(cut + 1).trim();
    }
  }
  return { labels, wrong: null };
}

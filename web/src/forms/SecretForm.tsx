import type { Secret } from "@cronium/protocol/api/secrets";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { createSecret, replaceSecret } from "../api/values.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input, TextArea } from "../ui/Field.tsx";
import { useProven } from "./ProofDialog.tsx";
import { ValueNameField } from "./ValueNameField.tsx";

export interface SecretFormProps {
  /** The one that gets a new value; null makes one. */
  readonly secret: Secret | null;
  /** Whose a new one is; null for the workspace. */
  readonly eventId: string | null;
  readonly onClose: () => void;
}

/** Stores a value that is never shown again. */
export function SecretForm({ secret, eventId, onClose }: SecretFormProps): ReactNode {
  const [values, setValues] = useState({ name: "", value: "", description: secret?.description ?? "" });
  const client = useQueryClient();
  const store = useProven(
    ({ name, value, description }: typeof values) =>
      secret === null
        ? createSecret({ name: name.trim(), value, description, eventId })
        : replaceSecret({
            id: secret.id,
            change: { description, ...(value === "" ? {} : { value, version: secret.version }) },
          }),
    async () => {
      await client.invalidateQueries({ queryKey: ["secrets"] });
      onClose();
    },
  );
  const messageAt = (pointer: string): string | undefined =>
    isApiError(store.error) ? store.error.fieldMessage(pointer) : undefined;
  const hasPlace = ["/name", "/value", "/description"].some((pointer) => messageAt(pointer) !== undefined);
  return (
    <Dialog
      open
      onClose={onClose}
      shape="sheet"
      title={secret === null ? t("secrets.new") : t("secrets.replaceTitle", secret.name)}
    >
      <form
        noValidate
        autoComplete="off"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          store.run(values);
        }}
      >
        {secret === null ? (
          <ValueNameField
            value={values.name}
            error={messageAt("/name")}
            onChange={(name) => setValues({ ...values, name })}
          />
        ) : null}
        <Field label={t("secrets.value")} help={t("secrets.valueHelp")} error={messageAt("/value")}>
          {(control) => (
            <TextArea
              {...control}
              rows={4}
              className="font-mono text-12"
              spellCheck={false}
              autoComplete="off"
              value={values.value}
              onChange={(event) => setValues({ ...values, value: event.target.value })}
            />
          )}
        </Field>
        <Field label={t("values.description")} error={messageAt("/description")}>
          {(control) => (
            <Input
              {...control}
              maxLength={500}
              value={values.description}
              onChange={(event) => setValues({ ...values, description: event.target.value })}
            />
          )}
        </Field>
        {hasPlace ? null : <ErrorLine error={store.error} />}
        <Button type="submit" look="primary" className="self-start" busy={store.busy}>
          {t("secrets.store")}
        </Button>
      </form>
      {store.dialog}
    </Dialog>
  );
}

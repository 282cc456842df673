import type { Secret } from "@cronium/protocol/api/secrets";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { createSecret, replaceSecret, secretsQuery } from "../api/values.ts";
import { ConflictLine } from "../components/ConflictLine.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, TextArea } from "../ui/Field.tsx";
import { useProven } from "./ProofDialog.tsx";
import { ValueDescriptionField } from "./ValueDescriptionField.tsx";
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
  const [base, setBase] = useState(secret);
  const client = useQueryClient();
  const store = useProven(
    ({ name, value, description, on }: typeof values & { readonly on: Secret | null }) =>
      on === null
        ? createSecret({ name: name.trim(), value, description, eventId })
        : replaceSecret({
            id: on.id,
            change: { description, version: on.version, ...(value === "" ? {} : { value }) },
          }),
    async () => {
      await client.invalidateQueries({ queryKey: ["secrets"] });
      onClose();
    },
  );
  const newest = async (): Promise<Secret> => {
    const { items } = await client.fetchQuery({ ...secretsQuery(eventId), staleTime: 0 });
    const found = items.find(({ id }) => id === base?.id);
    if (found === undefined) {
      throw new Error(t("stale.gone"));
    }
    return found;
  };
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
          store.run({ ...values, on: base });
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
        <ValueDescriptionField
          value={values.description}
          error={messageAt("/description")}
          onChange={(description) => setValues({ ...values, description })}
        />
        {hasPlace ? null : (
          <ConflictLine
            error={store.error}
            onReload={async () => {
              const now = await newest();
              setBase(now);
              setValues({ name: "", value: "", description: now.description });
              store.reset();
            }}
            onOverwrite={async () => store.run({ ...values, on: await newest() })}
          />
        )}
        <Button type="submit" look="primary" className="self-start" busy={store.busy}>
          {t("secrets.store")}
        </Button>
      </form>
      {store.dialog}
    </Dialog>
  );
}

import type { ImportedSecrets } from "@cronium/protocol/api/secrets";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { importSecrets } from "../api/values.ts";
import { DataTable } from "../components/DataTable.tsx";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, TextArea } from "../ui/Field.tsx";
import { useProven } from "./ProofDialog.tsx";

export interface ImportSecretsFormProps {
  /** Whose they become; null for the workspace. */
  readonly eventId: string | null;
  readonly onClose: () => void;
}

/** Text of a `.env` file: first what it would do, then all of it or nothing. */
export function ImportSecretsForm({ eventId, onClose }: ImportSecretsFormProps): ReactNode {
  const [text, setText] = useState("");
  const client = useQueryClient();
  const check = useMutation({ mutationFn: () => importSecrets({ text, eventId, preview: true }) });
  const store = useProven(
    () => importSecrets({ text, eventId, preview: false }),
    async () => {
      await client.invalidateQueries({ queryKey: ["secrets"] });
      onClose();
    },
  );
  const found = check.data?.items ?? null;
  const error = store.error ?? check.error;
  return (
    <Dialog open onClose={onClose} shape="sheet" title={t("import.title")}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (found === null || found.length === 0) {
            check.mutate();
          } else {
            store.run(undefined);
          }
        }}
      >
        <Field label={t("import.text")} help={t("import.help")}>
          {(control) => (
            <TextArea
              {...control}
              rows={10}
              className="font-mono text-12"
              spellCheck={false}
              autoComplete="off"
              placeholder={"DB_PASSWORD=…\nexport API_TOKEN='…'"}
              value={text}
              onChange={(event) => {
                setText(event.target.value);
                // What was found belongs to the text that was checked.
                check.reset();
                store.reset();
              }}
            />
          )}
        </Field>
        <Wrong error={error} />
        {found === null ? null : found.length === 0 ? (
          <p className="text-dim">{t("import.nothing")}</p>
        ) : (
          <Found items={found} />
        )}
        <Button
          type="submit"
          look="primary"
          className="self-start"
          busy={check.isPending || store.busy}
          blocked={text.trim() === "" ? t("import.help") : undefined}
        >
          {found === null || found.length === 0 ? t("import.preview") : t("import.apply", found.length)}
        </Button>
      </form>
      {store.dialog}
    </Dialog>
  );
}

function Wrong({ error }: { readonly error: unknown }): ReactNode {
  if (!isApiError(error, "invalid_env_file")) {
    return <ErrorLine error={error} />;
  }
  return (
    <div role="alert" className="text-12 text-bad">
      <p>{t("import.wrong")}</p>
      <ul className="list-disc pl-5">
        {error.errors.map(({ message }, index) => (
          <li key={`${index} ${message}`}>{message}</li>
        ))}
      </ul>
    </div>
  );
}

function Found({ items }: Pick<ImportedSecrets, "items">): ReactNode {
  return (
    <div className="-mx-4">
      <DataTable
        label={t("import.found")}
        rows={items}
        rowKey={({ name }) => name}
        columns={[
          {
            key: "name",
            title: t("values.name"),
            grows: true,
            cell: ({ name }) => (
              <code className="block truncate font-mono text-12" title={name}>
                {name}
              </code>
            ),
          },
          {
            key: "action",
            title: t("import.action"),
            cell: ({ action, warnings }) => (
              <span className={action === "replace" ? "text-warn" : undefined}>
                {t(`import.${action}`)}
                {warnings.length === 0 ? "" : `, ${t("secrets.short")}`}
              </span>
            ),
          },
        ]}
      />
    </div>
  );
}

import { type ReactNode, useState } from "react";
import { addPasskey } from "../api/passkeys.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input } from "../ui/Field.tsx";
import { useProven } from "./ProofDialog.tsx";

export interface NewPasskeyFormProps {
  readonly onAdded: () => void;
  readonly onClose: () => void;
}

/** A name to know it by; the browser asks for the rest. */
export function NewPasskeyForm({ onAdded, onClose }: NewPasskeyFormProps): ReactNode {
  const [name, setName] = useState("");
  const add = useProven(addPasskey, onAdded);
  return (
    <Dialog open onClose={onClose} title={t("passkey.add")}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          add.run(name.trim());
        }}
      >
        <Field label={t("passkey.name")} help={t("passkey.nameHelp")}>
          {(control) => (
            <Input {...control} maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <ErrorLine error={add.error} />
        <Button
          type="submit"
          look="primary"
          className="self-start"
          busy={add.busy}
          blocked={name.trim() === "" ? t("field.required") : undefined}
        >
          {t("passkey.make")}
        </Button>
      </form>
      {add.dialog}
    </Dialog>
  );
}

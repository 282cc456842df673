import type { CreateInvitation } from "@cronium/protocol/api/members";
import type { Role } from "@cronium/protocol/roles";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { keys } from "../api/keys.ts";
import { invite } from "../api/members.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { ShownOnce } from "../components/ShownOnce.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input } from "../ui/Field.tsx";
import { DaysField } from "./DaysField.tsx";
import { useProven } from "./ProofDialog.tsx";
import { RoleSelect } from "./RoleSelect.tsx";

const DAYS = [1, 7, 30] as const;

/** Makes a link that is shown once. `by` is the role of the person who invites. */
export function InviteForm({ by, onClose }: { readonly by: Role; readonly onClose: () => void }): ReactNode {
  const [values, setValues] = useState<CreateInvitation>({ email: "", role: "viewer", expiresInDays: 7 });
  const [link, setLink] = useState<string | null>(null);
  const client = useQueryClient();
  const send = useProven(invite, (created) => {
    setLink(created.link);
    return client.invalidateQueries({ queryKey: keys.invitations() });
  });
  if (link !== null) {
    return (
      <ShownOnce
        title={t("invite.done", values.email.trim())}
        body={t("invite.once")}
        text={link}
        copy={t("invite.copy")}
        onClose={onClose}
      />
    );
  }
  return (
    <Dialog open onClose={onClose} shape="sheet" title={t("invite.title")}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          send.run({ ...values, email: values.email.trim() });
        }}
      >
        <Field label={t("invite.email")}>
          {(control) => (
            <Input
              {...control}
              type="email"
              autoComplete="off"
              value={values.email}
              onChange={(event) => setValues({ ...values, email: event.target.value })}
            />
          )}
        </Field>
        <Field label={t("invite.role")} help={t(`role.${values.role}.help`)}>
          {(control) => (
            <RoleSelect {...control} value={values.role} by={by} onChoose={(role) => setValues({ ...values, role })} />
          )}
        </Field>
        <DaysField
          label={t("invite.days")}
          value={values.expiresInDays}
          choices={DAYS}
          onChoose={(expiresInDays) => setValues({ ...values, expiresInDays })}
        />
        <ErrorLine error={send.error} />
        <Button type="submit" look="primary" className="self-start" busy={send.busy}>
          {t("invite.submit")}
        </Button>
      </form>
      {send.dialog}
    </Dialog>
  );
}

import { permissions, rolePermissions, type Permission } from "@cronium/protocol/access";
import type { Role } from "@cronium/protocol/roles";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { keys } from "../api/keys.ts";
import { createApiKey } from "../api/settings.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { ShownOnce } from "../components/ShownOnce.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input } from "../ui/Field.tsx";
import { DaysField } from "./DaysField.tsx";
import { useProven } from "./ProofDialog.tsx";
import { RoleSelect } from "./RoleSelect.tsx";

const DAYS = [1, 7, 30, 90, 365] as const;

interface Values {
  readonly name: string;
  readonly role: Role;
  readonly expiresInDays: number;
  readonly scopes: readonly Permission[];
}

/** Makes a key that is shown once. `by` is the role of the person who makes it. */
export function NewKeyForm({ by, onClose }: { readonly by: Role; readonly onClose: () => void }): ReactNode {
  const [values, setValues] = useState<Values>({ name: "", role: by, expiresInDays: 90, scopes: [] });
  const [key, setKey] = useState<string | null>(null);
  const client = useQueryClient();
  const make = useProven(createApiKey, (created) => {
    setKey(created.key);
    return client.invalidateQueries({ queryKey: keys.apiKeys() });
  });
  if (key !== null) {
    return (
      <ShownOnce title={values.name.trim()} body={t("keys.once")} text={key} copy={t("keys.copy")} onClose={onClose} />
    );
  }
  const allowed: readonly Permission[] = rolePermissions[values.role];
  const scopes = values.scopes.filter((scope) => allowed.includes(scope));
  const submit = (): void => {
    const { name, role, expiresInDays } = values;
    make.run({ name: name.trim(), role, expiresInDays, ...(scopes.length === 0 ? {} : { scopes: [...scopes] }) });
  };
  return (
    <Dialog open onClose={onClose} shape="sheet" title={t("keys.newTitle")}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Field label={t("keys.name")} help={t("keys.nameHelp")}>
          {(control) => (
            <Input
              {...control}
              maxLength={200}
              autoComplete="off"
              value={values.name}
              onChange={(event) => setValues({ ...values, name: event.target.value })}
            />
          )}
        </Field>
        <Field label={t("keys.role")} help={t(`role.${values.role}.help`)}>
          {(control) => (
            <RoleSelect
              {...control}
              own
              value={values.role}
              by={by}
              onChoose={(role) => setValues({ ...values, role })}
            />
          )}
        </Field>
        <DaysField
          label={t("keys.days")}
          value={values.expiresInDays}
          choices={DAYS}
          onChoose={(expiresInDays) => setValues({ ...values, expiresInDays })}
        />
        <fieldset className="flex flex-col gap-1">
          <legend className="pb-1 text-12 font-medium text-dim">{t("keys.scopes")}</legend>
          <div className="grid grid-cols-2 gap-x-4">
            {permissions
              .filter((permission) => allowed.includes(permission))
              .map((permission) => (
                <label key={permission} className="flex min-h-7 items-center gap-2 pointer-coarse:min-h-11">
                  <input
                    type="checkbox"
                    checked={scopes.includes(permission)}
                    onChange={(event) =>
                      setValues({
                        ...values,
                        scopes: event.target.checked
                          ? [...scopes, permission]
                          : scopes.filter((scope) => scope !== permission),
                      })
                    }
                  />
                  <code className="font-mono text-12">{permission}</code>
                </label>
              ))}
          </div>
          <p className="text-12 text-faint">{t("keys.scopesHelp")}</p>
        </fieldset>
        <ErrorLine error={make.error} />
        <Button type="submit" look="primary" className="self-start" busy={make.busy}>
          {t("keys.submit")}
        </Button>
      </form>
      {make.dialog}
    </Dialog>
  );
}

import type { Verification } from "@cronium/protocol/endpoint";
import { type VerificationKind, verificationKinds } from "@cronium/protocol/webhook-tables";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { createEndpoint } from "../api/endpoints.ts";
import { eventsQuery } from "../api/events.ts";
import { keys } from "../api/keys.ts";
import { itemsOf } from "../api/page.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { ShownOnce } from "../components/ShownOnce.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input, Select, TextArea } from "../ui/Field.tsx";

const EMPTY = {
  name: "",
  eventId: "",
  kind: "standard" as VerificationKind,
  username: "",
  header: "X-Signature",
  prefix: "",
  secret: "",
  filter: "",
  mapping: "",
};

/** Makes an endpoint for one event; its secret is shown once where it was made up. */
export function EndpointForm({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [values, setValues] = useState(EMPTY);
  const [secret, setSecret] = useState<string | null>(null);
  const client = useQueryClient();
  const events = useInfiniteQuery(eventsQuery());
  const make = useMutation({
    mutationFn: createEndpoint,
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: keys.endpoints() });
      if (made.secret === null) {
        onClose();
      } else {
        setSecret(made.secret);
      }
    },
  });
  if (secret !== null) {
    return (
      <ShownOnce
        title={t("endpointForm.madeTitle")}
        body={t("endpointForm.once")}
        text={secret}
        copy={t("endpointForm.copy")}
        onClose={onClose}
      />
    );
  }
  const typed = (field: keyof typeof EMPTY) => ({
    value: values[field],
    autoComplete: "off",
    spellCheck: false,
    onChange: (event: { readonly target: { readonly value: string } }) =>
      setValues({ ...values, [field]: event.target.value }),
  });
  const { kind } = values;
  const submit = (): void => {
    const { eventId, filter, mapping } = values;
    const orNull = (text: string): string | null => (text.trim() === "" ? null : text);
    make.mutate({
      name: values.name.trim(),
      targets: eventId === "" ? [] : [{ eventId, filter: orNull(filter), mapping: orNull(mapping) }],
      verification: verificationOf(values),
      ...(values.secret === "" || kind === "none" ? {} : { secret: values.secret }),
    });
  };
  return (
    <Dialog open onClose={onClose} shape="sheet" title={t("endpointForm.title")}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Field label={t("endpointForm.name")}>
          {(control) => <Input {...control} {...typed("name")} maxLength={200} autoFocus />}
        </Field>
        <Field label={t("endpointForm.event")}>
          {(control) => (
            <Select {...control} {...typed("eventId")}>
              <option value="">{t("endpointForm.noEvent")}</option>
              {itemsOf(events.data).map((event) => (
                <option key={event.id} value={event.id}>
                  {event.name}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field
          label={t("endpointForm.verify")}
          {...(kind === "none" ? { help: <span className="text-warn">{t("endpointForm.noneHelp")}</span> } : {})}
        >
          {(control) => (
            <Select {...control} {...typed("kind")}>
              {verificationKinds.map((one) => (
                <option key={one} value={one}>
                  {t(`verify.${one}`)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {kind === "basic" ? (
          <Field label={t("endpointForm.username")}>{(control) => <Input {...control} {...typed("username")} />}</Field>
        ) : null}
        {kind === "hmac" ? (
          <div className="grid grid-cols-2 items-start gap-3">
            <Field label={t("endpointForm.header")}>{(control) => <Input {...control} {...typed("header")} />}</Field>
            <Field label={t("endpointForm.prefix")}>
              {(control) => <Input {...control} {...typed("prefix")} placeholder="sha256=" />}
            </Field>
          </div>
        ) : null}
        {kind === "none" ? null : (
          <Field label={t("endpointForm.secret")} help={t("endpointForm.secretHelp")}>
            {(control) => <Input {...control} {...typed("secret")} type="password" autoComplete="new-password" />}
          </Field>
        )}
        <Field label={t("endpointForm.filter")} help={t("endpointForm.filterHelp")}>
          {(control) => (
            <TextArea
              {...control}
              {...typed("filter")}
              rows={2}
              className="font-mono text-12"
              placeholder="body.kind == 'paid'"
            />
          )}
        </Field>
        <Field label={t("endpointForm.mapping")} help={t("endpointForm.mappingHelp")}>
          {(control) => (
            <TextArea
              {...control}
              {...typed("mapping")}
              rows={3}
              className="font-mono text-12"
              placeholder={'{"id": body.order.id}'}
            />
          )}
        </Field>
        <ErrorLine error={make.error} />
        <Button type="submit" look="primary" className="self-start" busy={make.isPending}>
          {t("endpointForm.submit")}
        </Button>
      </form>
    </Dialog>
  );
}

function verificationOf({ kind, username, header, prefix }: typeof EMPTY): Verification {
  switch (kind) {
    case "basic":
      return { kind, username };
    case "hmac":
      return { kind, header, prefix, algorithm: "sha256", encoding: "hex" };
    default:
      return { kind };
  }
}

import type { Endpoint } from "@cronium/protocol/endpoint";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { deleteEndpoint, rotateEndpointAddress, rotateEndpointSecret, updateEndpoint } from "../../api/endpoints.ts";
import { eventsQuery } from "../../api/events.ts";
import { keys } from "../../api/keys.ts";
import { itemsOf } from "../../api/page.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { EndpointSecret } from "../../components/EndpointSecret.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { ShownOnce } from "../../components/ShownOnce.tsx";
import { EndpointForm } from "../../forms/EndpointForm.tsx";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { TextLink } from "../../ui/TextLink.tsx";
import { AddressSection } from "./AddressSection.tsx";
import { TestListen } from "./TestListen.tsx";

export interface EndpointDialogProps {
  readonly endpoint: Endpoint;
  readonly mayWrite: boolean;
  readonly onClose: () => void;
}

/** Its address, how to send to it, and what can be done with it. */
export function EndpointDialog({ endpoint, mayWrite, onClose }: EndpointDialogProps): ReactNode {
  const { id, enabled, version } = endpoint;
  const client = useQueryClient();
  const [asked, setAsked] = useState<"edit" | "rotate" | "address" | "delete" | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const [address, setAddress] = useState<Endpoint | null>(null);
  const done = (): Promise<void> => {
    setAsked(null);
    return client.invalidateQueries({ queryKey: keys.endpoints() });
  };
  const toggle = useMutation({ mutationFn: updateEndpoint, onSettled: done });
  const rotate = useMutation({
    mutationFn: rotateEndpointSecret,
    onSuccess: (made) => setSecret(made.secret),
    onSettled: done,
  });
  const newAddress = useMutation({
    mutationFn: rotateEndpointAddress,
    onSuccess: setAddress,
    onSettled: done,
  });
  const remove = useMutation({ mutationFn: deleteEndpoint, onSuccess: onClose, onSettled: done });
  if (secret !== null) {
    return <EndpointSecret secret={secret} onClose={() => setSecret(null)} />;
  }
  if (address !== null) {
    return (
      <ShownOnce
        title={t("endpointForm.addressTitle")}
        body={t(address.verification.kind === "none" ? "endpointForm.addressOnce" : "endpointForm.addressHelp")}
        text={`${location.origin}${address.path}`}
        copy={t("endpoint.copyAddress")}
        onClose={() => setAddress(null)}
      />
    );
  }
  if (asked === "edit") {
    return <EndpointForm endpoint={endpoint} onClose={() => setAsked(null)} />;
  }
  return (
    <Dialog open onClose={onClose} shape="sheet" title={endpoint.name}>
      <div className="flex flex-col gap-5">
        {mayWrite ? (
          <div className="flex flex-wrap gap-2">
            <Button onClick={() => setAsked("edit")}>{t("endpoint.edit")}</Button>
            <Button
              busy={toggle.isPending}
              onClick={() => toggle.mutate({ id, change: { version, enabled: !enabled } })}
            >
              {enabled ? t("endpoint.disable") : t("endpoint.enable")}
            </Button>
            {endpoint.verification.kind === "none" ? null : (
              <Button onClick={() => setAsked("rotate")}>{t("endpoint.rotate")}</Button>
            )}
            <Button onClick={() => setAsked("address")}>{t("endpoint.newAddress")}</Button>
            <Button look="ghost" onClick={() => setAsked("delete")}>
              {t("endpoint.delete")}
            </Button>
          </div>
        ) : null}
        <ErrorLine error={toggle.error ?? rotate.error ?? newAddress.error ?? remove.error} />
        <Starts endpoint={endpoint} />
        {mayWrite ? <TestListen endpoint={endpoint} /> : null}
        <AddressSection endpoint={endpoint} mayWrite={mayWrite} />
      </div>
      <ConfirmDialog
        open={asked === "rotate"}
        title={t("endpoint.rotateTitle")}
        body={t("endpoint.rotateBody")}
        confirm={t("endpoint.rotate")}
        keep={t("endpoint.keep")}
        busy={rotate.isPending}
        onConfirm={() => rotate.mutate(id)}
        onClose={() => setAsked(null)}
      />
      <ConfirmDialog
        open={asked === "address"}
        title={t("endpoint.newAddressTitle")}
        body={t("endpoint.newAddressBody")}
        confirm={t("endpoint.newAddress")}
        keep={t("endpoint.keep")}
        busy={newAddress.isPending}
        onConfirm={() => newAddress.mutate(id)}
        onClose={() => setAsked(null)}
      />
      <ConfirmDialog
        open={asked === "delete"}
        title={t("endpoint.deleteTitle")}
        body={t("endpoint.deleteBody")}
        confirm={t("endpoint.delete")}
        keep={t("endpoint.keep")}
        busy={remove.isPending}
        onConfirm={() => remove.mutate(id)}
        onClose={() => setAsked(null)}
      />
    </Dialog>
  );
}

function Starts({ endpoint }: { readonly endpoint: Endpoint }): ReactNode {
  const events = itemsOf(useInfiniteQuery(eventsQuery()).data);
  return (
    <section className="flex flex-col gap-1">
      <h3 className="text-12 font-medium text-dim">{t("endpoint.starts")}</h3>
      {endpoint.targets.length === 0 ? (
        <p className="text-faint">{t("endpoint.startsNothing")}</p>
      ) : (
        <ul className="flex flex-col gap-1">
          {endpoint.targets.map(({ eventId, filter }, i) => (
            <li key={`${eventId} ${String(i)}`} className="flex flex-wrap items-baseline gap-x-2">
              <TextLink to={paths.event(eventId)}>{events.find((one) => one.id === eventId)?.name ?? eventId}</TextLink>
              {filter === null ? null : <code className="font-mono text-12 text-dim">{filter}</code>}
            </li>
          ))}
        </ul>
      )}
      <TextLink to={paths.webhooks()} search={{ tab: "deliveries", endpointId: endpoint.id }}>
        {t("endpoint.deliveries")}
      </TextLink>
    </section>
  );
}

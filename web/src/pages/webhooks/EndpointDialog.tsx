import type { Endpoint } from "@cronium/protocol/endpoint";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { deleteEndpoint, listenAtEndpoint, rotateEndpointSecret, updateEndpoint } from "../../api/endpoints.ts";
import { keys } from "../../api/keys.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { CopyLine } from "../../components/CopyLine.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { ShownOnce } from "../../components/ShownOnce.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { snippetsOf } from "./snippets.ts";

export interface EndpointDialogProps {
  readonly endpoint: Endpoint;
  readonly mayWrite: boolean;
  readonly onClose: () => void;
}

/** Its address, how to send to it, and what can be done with it. */
export function EndpointDialog({ endpoint, mayWrite, onClose }: EndpointDialogProps): ReactNode {
  const { id, enabled, version, listensUntil } = endpoint;
  const client = useQueryClient();
  const [asked, setAsked] = useState<"rotate" | "delete" | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: keys.endpoints() });
  const listen = useMutation({ mutationFn: listenAtEndpoint, onSettled: refresh });
  const toggle = useMutation({ mutationFn: updateEndpoint, onSettled: refresh });
  const rotate = useMutation({
    mutationFn: rotateEndpointSecret,
    onSuccess: (made) => setSecret(made.secret),
    onSettled: () => {
      setAsked(null);
      return refresh();
    },
  });
  const remove = useMutation({
    mutationFn: deleteEndpoint,
    onSuccess: onClose,
    onSettled: () => {
      setAsked(null);
      return refresh();
    },
  });
  const address = `${location.origin}${endpoint.path}`;
  if (secret !== null) {
    return (
      <ShownOnce
        title={t("endpointForm.madeTitle")}
        body={t("endpointForm.once")}
        text={secret}
        copy={t("endpointForm.copy")}
        onClose={() => setSecret(null)}
      />
    );
  }
  return (
    <Dialog open onClose={onClose} shape="sheet" title={endpoint.name}>
      <div className="flex flex-col gap-4">
        <section className="flex flex-col gap-1">
          <h3 className="text-12 font-medium text-dim">{t("endpoint.address")}</h3>
          <CopyLine text={address} label={t("endpoint.copyAddress")} />
          <p className="text-12 text-faint">{t(`verify.${endpoint.verification.kind}`)}</p>
        </section>
        {mayWrite ? (
          <section className="flex flex-col gap-2">
            <div className="flex flex-wrap gap-2">
              <Button busy={listen.isPending} onClick={() => listen.mutate({ id, on: listensUntil === null })}>
                {listensUntil === null ? t("endpoint.listen") : t("endpoint.stopListening")}
              </Button>
              <Button
                busy={toggle.isPending}
                onClick={() => toggle.mutate({ id, change: { version, enabled: !enabled } })}
              >
                {enabled ? t("endpoint.disable") : t("endpoint.enable")}
              </Button>
              {endpoint.verification.kind === "none" ? null : (
                <Button onClick={() => setAsked("rotate")}>{t("endpoint.rotate")}</Button>
              )}
              <Button look="ghost" onClick={() => setAsked("delete")}>
                {t("endpoint.delete")}
              </Button>
            </div>
            {listensUntil === null ? null : <p className="text-12 text-hold">{t("endpoint.listenHelp")}</p>}
            <ErrorLine error={listen.error ?? toggle.error ?? rotate.error ?? remove.error} />
          </section>
        ) : null}
        <section className="flex flex-col gap-2">
          <h3 className="text-12 font-medium text-dim">{t("endpoint.send")}</h3>
          {endpoint.verification.kind === "github" ? (
            <Snippet label="GitHub" text={t("endpoint.github", address)} />
          ) : null}
          {snippetsOf(endpoint, address).map((snippet) => (
            <Snippet key={snippet.label} {...snippet} />
          ))}
        </section>
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

function Snippet({ label, text }: { readonly label: string; readonly text: string }): ReactNode {
  return (
    <div className="flex flex-col gap-1">
      <h4 className="text-12 text-faint">{label}</h4>
      <CopyLine text={text} />
    </div>
  );
}

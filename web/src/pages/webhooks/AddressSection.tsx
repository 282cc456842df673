import type { Endpoint } from "@cronium/protocol/endpoint";
import { type ReactNode, useState } from "react";
import { showEndpointAddress } from "../../api/endpoints.ts";
import { CopyLine } from "../../components/CopyLine.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { useProven } from "../../forms/ProofDialog.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { Snippets } from "./Snippets.tsx";

export interface AddressSectionProps {
  readonly endpoint: Endpoint;
  readonly mayWrite: boolean;
}

/** Where to send to it, and how. An address that is the secret is shown when it is asked for. */
export function AddressSection({ endpoint, mayWrite }: AddressSectionProps): ReactNode {
  const { id, path, verification } = endpoint;
  const [shown, setShown] = useState<string | null>(null);
  const show = useProven(showEndpointAddress, (answer) => setShown(answer.path));
  const known = path ?? shown;
  return (
    <>
      <section className="flex flex-col gap-1">
        <h3 className="text-12 font-medium text-dim">{t("endpoint.address")}</h3>
        {known === null ? (
          <>
            <p className="text-12 text-faint">{t(mayWrite ? "endpoint.hiddenHelp" : "endpoint.hidden")}</p>
            {mayWrite ? (
              <Button className="self-start" busy={show.busy} onClick={() => show.run(id)}>
                {t("endpoint.showAddress")}
              </Button>
            ) : null}
            <ErrorLine error={show.error} />
          </>
        ) : (
          <CopyLine text={`${location.origin}${known}`} label={t("endpoint.copyAddress")} />
        )}
        <p className="text-12 text-faint">{t("endpoint.checks", t(`verify.${verification.kind}`))}</p>
      </section>
      {known === null ? null : <Snippets endpoint={endpoint} address={`${location.origin}${known}`} />}
      {show.dialog}
    </>
  );
}

import type { SecondFactorBegun } from "@cronium/protocol/api/people";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ownAccountQuery } from "../../api/account-links.ts";
import { keys } from "../../api/keys.ts";
import { beginSecondFactor, renewRecoveryCodes, turnOffSecondFactor } from "../../api/second-factor.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { ShownOnce } from "../../components/ShownOnce.tsx";
import { useProven } from "../../forms/ProofDialog.tsx";
import { SecondFactorForm } from "../../forms/SecondFactorForm.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";

export function SecondFactorSection(): ReactNode {
  const query = useQuery(ownAccountQuery());
  const client = useQueryClient();
  const [begun, setBegun] = useState<SecondFactorBegun | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [isEnding, setEnding] = useState(false);
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: keys.ownAccount() });
  const begin = useProven(beginSecondFactor, setBegun);
  const renew = useProven(renewRecoveryCodes, ({ recoveryCodes }) => {
    setCodes(recoveryCodes);
    return refresh();
  });
  const end = useProven(turnOffSecondFactor, () => {
    setEnding(false);
    return refresh();
  });
  return (
    <section className="flex flex-col items-start gap-3 px-4 pt-6 lg:px-6">
      <h2 className="text-15 font-semibold">{t("factor.title")}</h2>
      <Loadable query={query} rows={1}>
        {({ secondFactor }) => (
          <>
            <p className="max-w-[70ch]">
              {secondFactor.enabled ? t("factor.on", secondFactor.recoveryCodesLeft) : t("factor.off")}
            </p>
            <div className="flex flex-wrap gap-2">
              {secondFactor.enabled ? (
                <>
                  <Button size="small" busy={renew.busy} onClick={() => renew.run(undefined)}>
                    {t("factor.renew")}
                  </Button>
                  <Button size="small" look="danger" onClick={() => setEnding(true)}>
                    {t("factor.turnOff")}
                  </Button>
                </>
              ) : (
                <Button size="small" busy={begin.busy} onClick={() => begin.run(undefined)}>
                  {t("factor.setUp")}
                </Button>
              )}
            </div>
          </>
        )}
      </Loadable>
      <ErrorLine error={begin.error ?? renew.error ?? end.error} />
      {begun === null ? null : (
        <SecondFactorForm
          begun={begun}
          onClose={() => setBegun(null)}
          onEnabled={(recoveryCodes) => {
            setBegun(null);
            setCodes(recoveryCodes);
            void refresh();
          }}
        />
      )}
      {codes === null ? null : (
        <ShownOnce
          title={t("factor.codes")}
          body={t("factor.codesBody")}
          text={codes.join("\n")}
          copy={t("factor.copyCodes")}
          onClose={() => setCodes(null)}
        />
      )}
      {isEnding ? (
        <ConfirmDialog
          open
          title={t("factor.endTitle")}
          body={t("factor.endBody")}
          confirm={t("factor.turnOff")}
          keep={t("members.keep")}
          busy={end.busy}
          onConfirm={() => end.run(undefined)}
          onClose={() => setEnding(false)}
        />
      ) : null}
      {begin.dialog}
      {renew.dialog}
      {end.dialog}
    </section>
  );
}

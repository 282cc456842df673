import { useMutation, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { askConfirmation, ownAccountQuery, signInOptionsQuery } from "../../api/account-links.ts";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";

/** Whether one's address is known to be one's own. */
export function EmailSection(): ReactNode {
  const query = useQuery(ownAccountQuery());
  const options = useQuery(signInOptionsQuery());
  const ask = useMutation({ mutationFn: askConfirmation });
  const said = ask.data === undefined ? null : ask.data.message;
  return (
    <section className="flex flex-col items-start gap-3 px-4 pt-6 lg:px-6">
      <h2 className="text-15 font-semibold">{t("account.email")}</h2>
      <Loadable query={query} rows={1}>
        {(account) => (
          <>
            <p>
              {account.email}{" "}
              <span className={account.emailConfirmed ? "text-good" : "text-dim"}>
                {account.emailConfirmed ? t("account.emailConfirmed") : t("account.emailUnconfirmed")}
              </span>
            </p>
            {account.emailConfirmed || said !== null ? null : (
              <Button size="small" busy={ask.isPending} onClick={() => ask.mutate()}>
                {t("account.confirmEmail")}
              </Button>
            )}
          </>
        )}
      </Loadable>
      {said === null ? null : (
        <p role="status" className="text-12 text-good">
          {options.data?.mail === false ? `${said} ${t("link.byHand")}` : said}
        </p>
      )}
      <ErrorLine error={ask.error} />
    </section>
  );
}

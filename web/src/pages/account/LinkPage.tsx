import { tokenPrefixes } from "@cronium/protocol/token";
import type { AccountLinkView } from "@cronium/protocol/api/people";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { confirmEmail, lookUpLink, registerByLink } from "../../api/account-links.ts";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { ResetForm } from "../../forms/ResetForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { takeFragmentToken } from "../../lib/fragment-token.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { target } from "../../ui/TextLink.tsx";
import { AccountFrame, BackToSignIn } from "./AccountFrame.tsx";

/** Where links about accounts lead. Opening one does nothing yet: mail programs open links by themselves. */
export function LinkPage(): ReactNode {
  const [token] = useState(() => takeFragmentToken(tokenPrefixes.accountLink));
  return token === null ? (
    <AccountFrame title={t("link.none")} intro={t("link.noneHint")}>
      <BackToSignIn />
    </AccountFrame>
  ) : (
    <Link token={token} />
  );
}

function Link({ token }: { readonly token: string }): ReactNode {
  const query = useQuery({ queryKey: ["account-link", token], queryFn: () => lookUpLink(token), retry: false });
  useTitle(query.data === undefined ? t("link.loading") : t(`link.${query.data.kind}`));
  if (query.error !== null) {
    return (
      <AccountFrame title={t("link.dead")}>
        <ErrorLine error={query.error} />
        <BackToSignIn />
      </AccountFrame>
    );
  }
  return query.data === undefined ? (
    <AccountFrame title={t("link.loading")}>{null}</AccountFrame>
  ) : (
    <Open token={token} link={query.data} />
  );
}

function Open({ token, link }: { readonly token: string; readonly link: AccountLinkView }): ReactNode {
  const [done, setDone] = useState(false);
  const navigate = useNavigate();
  const client = useQueryClient();
  const use = useMutation({
    mutationFn: async () => {
      if (link.kind === "register") {
        await registerByLink(token);
        client.clear();
        await navigate({ ...target(paths.home()), replace: true });
      } else {
        await confirmEmail(token);
        setDone(true);
      }
    },
  });
  if (done) {
    return (
      <AccountFrame title={t(link.kind === "reset" ? "link.resetDone" : "link.confirmDone")}>
        <BackToSignIn look="main" />
      </AccountFrame>
    );
  }
  if (link.kind === "reset") {
    return (
      <AccountFrame title={t("link.reset")} intro={t("link.resetIntro", link.email)}>
        <ResetForm token={token} email={link.email} onReset={() => setDone(true)} />
      </AccountFrame>
    );
  }
  return (
    <AccountFrame title={t(`link.${link.kind}`)} intro={t(`link.${link.kind}Intro`, link.email)}>
      <ErrorLine error={use.error} />
      <Button look="primary" busy={use.isPending} onClick={() => use.mutate()}>
        {t(`link.${link.kind}Submit`)}
      </Button>
    </AccountFrame>
  );
}

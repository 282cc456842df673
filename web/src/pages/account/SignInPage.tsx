import type { SignInProblem } from "@cronium/protocol/api/people";
import { tokenPrefixes } from "@cronium/protocol/token";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { signInOptionsQuery } from "../../api/account-links.ts";
import { FinishSignInForm } from "../../forms/FinishSignInForm.tsx";
import { PasskeyButton } from "../../forms/PasskeyButton.tsx";
import { ProviderButtons } from "../../forms/ProviderButtons.tsx";
import { SignInForm } from "../../forms/SignInForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { forgetFragmentToken, takeFragmentToken } from "../../lib/fragment-token.ts";
import { paths, safeReturnPath } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { TextLink } from "../../ui/TextLink.tsx";
import { AccountFrame } from "./AccountFrame.tsx";

export function SignInPage(): ReactNode {
  useTitle(t("signIn.title"));
  const { to, problem }: { readonly to?: string; readonly problem?: SignInProblem } = useSearch({ strict: false });
  const back = safeReturnPath(to);
  const options = useQuery(signInOptionsQuery());
  const [halfway, setHalfway] = useState(() => takeFragmentToken(tokenPrefixes.signIn));
  const navigate = useNavigate();
  const client = useQueryClient();
  const enter = async (): Promise<void> => {
    forgetFragmentToken();
    client.clear();
    await navigate({ href: back, replace: true });
  };
  const startOver = (): void => {
    forgetFragmentToken();
    setHalfway(null);
  };
  if (halfway !== null) {
    return (
      <AccountFrame title={t("signIn.code")}>
        <FinishSignInForm token={halfway} onSignedIn={enter} onBack={startOver} />
      </AccountFrame>
    );
  }
  return (
    <AccountFrame title={t("signIn.title")} {...(back === paths.home() ? {} : { intro: t("signIn.again") })}>
      {problem === undefined ? null : (
        <p role="alert" className="border-l-2 border-bad py-1 pl-3">
          {t(`signIn.${problem}`)}
        </p>
      )}
      <SignInForm onSignedIn={enter} onHalfway={setHalfway} />
      <PasskeyButton onSignedIn={enter} />
      <ProviderButtons providers={options.data?.providers ?? []} returnTo={back} />
      <p className="flex flex-wrap gap-x-4 gap-y-1">
        <TextLink to={paths.forgot()}>{t("signIn.forgot")}</TextLink>
        {options.data?.registration === "open" ? (
          <TextLink to={paths.register()}>{t("signIn.register")}</TextLink>
        ) : null}
      </p>
      <p className="border-t border-line pt-4 text-12 text-faint">{t("signIn.first")}</p>
    </AccountFrame>
  );
}

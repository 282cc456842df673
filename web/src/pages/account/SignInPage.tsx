import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { SignInForm } from "../../forms/SignInForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { paths, safeReturnPath } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { AccountFrame } from "./AccountFrame.tsx";

export function SignInPage(): ReactNode {
  useTitle(t("signIn.title"));
  const { to }: { readonly to?: string } = useSearch({ strict: false });
  const back = safeReturnPath(to);
  const navigate = useNavigate();
  const client = useQueryClient();
  const enter = async (): Promise<void> => {
    client.clear();
    await navigate({ href: back, replace: true });
  };
  return (
    <AccountFrame title={t("signIn.title")} {...(back === paths.home() ? {} : { intro: t("signIn.again") })}>
      <SignInForm onSignedIn={enter} />
      <p className="border-t border-line pt-4 text-12 text-faint">{t("signIn.first")}</p>
    </AccountFrame>
  );
}

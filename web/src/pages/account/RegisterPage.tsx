import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { signInOptionsQuery } from "../../api/account-links.ts";
import { ErrorPanel } from "../../components/ErrorPanel.tsx";
import { RegisterForm } from "../../forms/RegisterForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { t } from "../../lib/text.ts";
import { AccountFrame, BackToSignIn } from "./AccountFrame.tsx";

export function RegisterPage(): ReactNode {
  useTitle(t("register.title"));
  const options = useQuery(signInOptionsQuery());
  const [said, setSaid] = useState<string | null>(null);
  if (options.data === undefined) {
    return options.error === null ? null : <ErrorPanel error={options.error} onRetry={() => void options.refetch()} />;
  }
  const { registration, mail } = options.data;
  if (registration !== "open") {
    return (
      <AccountFrame title={t("register.closed")} intro={t("register.closedHint")}>
        <BackToSignIn />
      </AccountFrame>
    );
  }
  if (said !== null) {
    return (
      <AccountFrame title={t("link.asked")} intro={mail ? said : `${said} ${t("link.byHand")}`}>
        <BackToSignIn />
      </AccountFrame>
    );
  }
  return (
    <AccountFrame title={t("register.title")} intro={t("register.intro")}>
      <RegisterForm onAsked={setSaid} />
      <BackToSignIn />
    </AccountFrame>
  );
}

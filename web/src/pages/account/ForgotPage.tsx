import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { signInOptionsQuery } from "../../api/account-links.ts";
import { ForgotForm } from "../../forms/ForgotForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { t } from "../../lib/text.ts";
import { AccountFrame, BackToSignIn } from "./AccountFrame.tsx";

export function ForgotPage(): ReactNode {
  useTitle(t("forgot.title"));
  const options = useQuery(signInOptionsQuery());
  const [said, setSaid] = useState<string | null>(null);
  const byHand = options.data?.mail === false;
  if (said !== null) {
    return (
      <AccountFrame title={t("link.asked")} intro={byHand ? `${said} ${t("link.byHand")}` : said}>
        <BackToSignIn />
      </AccountFrame>
    );
  }
  return (
    <AccountFrame title={t("forgot.title")} intro={byHand ? t("forgot.introByHand") : t("forgot.intro")}>
      <ForgotForm onAsked={setSaid} />
      <BackToSignIn />
    </AccountFrame>
  );
}

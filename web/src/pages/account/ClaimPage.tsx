import { tokenPrefixes } from "@cronium/protocol/token";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { ClaimForm } from "../../forms/ClaimForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { takeFragmentToken } from "../../lib/fragment-token.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { target } from "../../ui/TextLink.tsx";
import { AccountFrame, BackToSignIn } from "./AccountFrame.tsx";

export function ClaimPage(): ReactNode {
  useTitle(t("claim.title"));
  const [token] = useState(() => takeFragmentToken(tokenPrefixes.claim));
  const navigate = useNavigate();
  const client = useQueryClient();
  const enter = async (): Promise<void> => {
    client.clear();
    await navigate({ ...target(paths.events()), replace: true });
  };
  if (token === null) {
    return (
      <AccountFrame title={t("claim.noToken")} intro={t("claim.noTokenHint")}>
        <BackToSignIn />
      </AccountFrame>
    );
  }
  return (
    <AccountFrame title={t("claim.title")} intro={t("claim.intro")}>
      <ClaimForm token={token} onClaimed={enter} />
    </AccountFrame>
  );
}

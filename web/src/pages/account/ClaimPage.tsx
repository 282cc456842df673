import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { ClaimForm } from "../../forms/ClaimForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { buttonClasses } from "../../ui/Button.tsx";
import { TextLink, target } from "../../ui/TextLink.tsx";
import { AccountFrame } from "./AccountFrame.tsx";

export function ClaimPage(): ReactNode {
  useTitle(t("claim.title"));
  const [token] = useState(takeToken);
  const navigate = useNavigate();
  const client = useQueryClient();
  const enter = async (): Promise<void> => {
    client.clear();
    await navigate({ ...target(paths.events()), replace: true });
  };
  if (token === null) {
    return (
      <AccountFrame title={t("claim.noToken")} intro={t("claim.noTokenHint")}>
        <TextLink to={paths.signIn()} quiet className={`${buttonClasses()} self-start`}>
          {t("claim.toSignIn")}
        </TextLink>
      </AccountFrame>
    );
  }
  return (
    <AccountFrame title={t("claim.title")} intro={t("claim.intro")}>
      <ClaimForm token={token} onClaimed={enter} />
    </AccountFrame>
  );
}

/** Moved here from the fragment, so that neither the address bar nor the history keeps it. */
let taken: string | null = null;

function takeToken(): string | null {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found !== null && found !== "") {
    taken = found;
    history.replaceState(history.state, "", location.pathname);
  }
  return taken;
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { lookUpInvitation } from "../../api/members.ts";
import { ErrorPanel } from "../../components/ErrorPanel.tsx";
import { JoinForm } from "../../forms/JoinForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { buttonClasses } from "../../ui/Button.tsx";
import { TextLink, target } from "../../ui/TextLink.tsx";
import { AccountFrame } from "./AccountFrame.tsx";

/** Where the link of an invitation leads. */
export function JoinPage(): ReactNode {
  const [token] = useState(takeToken);
  if (token === null) {
    return (
      <AccountFrame title={t("join.noToken")} intro={t("join.noTokenHint")}>
        <TextLink to={paths.signIn()} quiet className={`${buttonClasses()} self-start`}>
          {t("claim.toSignIn")}
        </TextLink>
      </AccountFrame>
    );
  }
  return <Invitation token={token} />;
}

function Invitation({ token }: { readonly token: string }): ReactNode {
  const query = useQuery({
    queryKey: ["invitation", token],
    queryFn: () => lookUpInvitation(token),
    retry: false,
  });
  const title = query.data === undefined ? t("join.loading") : t("join.title", query.data.workspaceName);
  useTitle(title);
  const navigate = useNavigate();
  const client = useQueryClient();
  const enter = async (): Promise<void> => {
    client.clear();
    await navigate({ ...target(paths.home()), replace: true });
  };
  if (query.error !== null) {
    return <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />;
  }
  const { data } = query;
  return (
    <AccountFrame
      title={title}
      {...(data === undefined ? {} : { intro: t("join.as", data.email, t(`role.${data.role}`)) })}
    >
      {data === undefined ? null : <JoinForm token={token} invitation={data} onJoined={enter} />}
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

import { tokenPrefixes } from "@cronium/protocol/token";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { lookUpInvitation } from "../../api/members.ts";
import { ErrorPanel } from "../../components/ErrorPanel.tsx";
import { JoinForm } from "../../forms/JoinForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { takeFragmentToken } from "../../lib/fragment-token.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { target } from "../../ui/TextLink.tsx";
import { AccountFrame, BackToSignIn } from "./AccountFrame.tsx";

/** Where the link of an invitation leads. */
export function JoinPage(): ReactNode {
  const [token] = useState(() => takeFragmentToken(tokenPrefixes.invitation));
  if (token === null) {
    return (
      <AccountFrame title={t("join.noToken")} intro={t("join.noTokenHint")}>
        <BackToSignIn />
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

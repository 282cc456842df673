import type { SignInOptions } from "@cronium/protocol/api/people";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { leaveForProvider } from "../api/account.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";

export interface ProviderButtonsProps {
  readonly providers: SignInOptions["providers"];
  /** The page to come back to. */
  readonly returnTo: string;
}

/** One for each identity provider that is set up; the browser leaves for it. */
export function ProviderButtons({ providers, returnTo }: ProviderButtonsProps): ReactNode {
  const leave = useMutation({
    mutationFn: (id: string) => leaveForProvider(id, returnTo),
    onSuccess: (url) => location.assign(url),
  });
  if (providers.length === 0) {
    return null;
  }
  return (
    <div className="flex flex-col gap-2">
      {providers.map(({ id, name }) => (
        <Button key={id} busy={leave.isPending} onClick={() => leave.mutate(id)}>
          {t("signIn.with", name)}
        </Button>
      ))}
      <ErrorLine error={leave.error} />
    </div>
  );
}

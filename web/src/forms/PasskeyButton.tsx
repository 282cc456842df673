import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { signInByPasskey } from "../api/passkeys.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { hasPasskeys } from "../lib/webauthn.ts";
import { Button } from "../ui/Button.tsx";

/** Nothing where the browser has no passkeys for this address. */
export function PasskeyButton({ onSignedIn }: { readonly onSignedIn: () => Promise<void> }): ReactNode {
  const enter = useMutation({ mutationFn: signInByPasskey, onSuccess: onSignedIn });
  if (!hasPasskeys()) {
    return null;
  }
  return (
    <div className="flex flex-col gap-2">
      <Button busy={enter.isPending} onClick={() => enter.mutate()}>
        {t("signIn.passkey")}
      </Button>
      <ErrorLine error={enter.error} />
    </div>
  );
}

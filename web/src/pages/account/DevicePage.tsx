import type { DeviceLogin, DeviceLoginDecided } from "@cronium/protocol/api/device";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { meQuery } from "../../api/account.ts";
import { ErrorPanel } from "../../components/ErrorPanel.tsx";
import { DeviceCodeForm } from "../../forms/DeviceCodeForm.tsx";
import { DeviceConsentForm } from "../../forms/DeviceConsentForm.tsx";
import { isApiError } from "../../lib/api-error.ts";
import { useTitle } from "../../lib/document-title.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { AccountFrame } from "./AccountFrame.tsx";

/** Consent to the login of a program (RFC 8628). Opening it, with or without a code, decides nothing. */
export function DevicePage(): ReactNode {
  useTitle(t("device.title"));
  const me = useQuery(meQuery());
  const [code, setCode] = useState(codeInAddress);
  const [login, setLogin] = useState<DeviceLogin | null>(null);
  const [decision, setDecision] = useState<DeviceLoginDecided["decision"] | null>(null);
  if (me.data === undefined) {
    // main.tsx answers a missing session by the sign-in page, which comes back here.
    const isSignedOut = isApiError(me.error, "unauthorized");
    return me.error === null || isSignedOut ? null : <ErrorPanel error={me.error} onRetry={() => void me.refetch()} />;
  }
  if (decision !== null) {
    const again = (): void => {
      setDecision(null);
      setLogin(null);
      setCode("");
    };
    return (
      <AccountFrame title={t(`device.${decision}`)} intro={t(`device.${decision}Intro`)}>
        <Button onClick={again} className="self-start">
          {t("device.another")}
        </Button>
      </AccountFrame>
    );
  }
  if (login === null) {
    return (
      <AccountFrame title={t("device.title")} intro={t("device.intro")}>
        <DeviceCodeForm code={code} onFound={setLogin} />
      </AccountFrame>
    );
  }
  return (
    <AccountFrame title={t("device.question")} intro={t("device.questionIntro")}>
      <DeviceConsentForm login={login} onDecided={setDecision} />
    </AccountFrame>
  );
}

/** In the fragment, which no server sees; the person still has to ask for what is behind it. */
function codeInAddress(): string {
  return new URLSearchParams(location.hash.slice(1)).get("code")?.slice(0, 64) ?? "";
}

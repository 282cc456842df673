import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { ShownOnce } from "./ShownOnce.tsx";

/** What an endpoint's sender signs with, where the control plane made it up. */
export function EndpointSecret({
  secret,
  onClose,
}: {
  readonly secret: string;
  readonly onClose: () => void;
}): ReactNode {
  return (
    <ShownOnce
      title={t("endpointForm.madeTitle")}
      body={t("endpointForm.once")}
      text={secret}
      copy={t("endpointForm.copy")}
      onClose={onClose}
    />
  );
}

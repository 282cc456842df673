import type { SecondFactorBegun } from "@cronium/protocol/api/people";
import { type ReactNode, useState } from "react";
import { confirmSecondFactor } from "../api/second-factor.ts";
import { CopyLine } from "../components/CopyLine.tsx";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { QrCode } from "../components/QrCode.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { CodeField } from "./CodeField.tsx";
import { useProven } from "./ProofDialog.tsx";

export interface SecondFactorFormProps {
  readonly begun: SecondFactorBegun;
  readonly onEnabled: (recoveryCodes: readonly string[]) => void;
  readonly onClose: () => void;
}

/** The secret for the app, and a first code that proves that it has it. */
export function SecondFactorForm({ begun, onEnabled, onClose }: SecondFactorFormProps): ReactNode {
  const [code, setCode] = useState("");
  const confirm = useProven(confirmSecondFactor, ({ recoveryCodes }) => onEnabled(recoveryCodes));
  return (
    <Dialog open onClose={onClose} shape="sheet" title={t("factor.setUp")}>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          confirm.run(code.trim());
        }}
      >
        <p className="max-w-[60ch]">{t("factor.scan")}</p>
        <QrCode text={begun.uri} label={t("factor.qr")} />
        <p className="text-12 text-dim">{t("factor.type")}</p>
        <CopyLine text={begun.secret} label={t("factor.copy")} />
        <CodeField appOnly value={code} onChange={setCode} />
        <ErrorLine error={confirm.error} />
        <Button type="submit" look="primary" className="self-start" busy={confirm.busy}>
          {t("factor.enable")}
        </Button>
      </form>
      {confirm.dialog}
    </Dialog>
  );
}

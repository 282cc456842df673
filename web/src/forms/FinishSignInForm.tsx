import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { finishSignIn } from "../api/account.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { CodeField } from "./CodeField.tsx";

export interface FinishSignInFormProps {
  readonly token: string;
  readonly onSignedIn: () => Promise<void>;
  readonly onBack: () => void;
}

/** The code of the second factor, after the password. */
export function FinishSignInForm({ token, onSignedIn, onBack }: FinishSignInFormProps): ReactNode {
  const [code, setCode] = useState("");
  const finish = useMutation({ mutationFn: () => finishSignIn(token, code.trim()), onSuccess: onSignedIn });
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        finish.mutate();
      }}
    >
      <CodeField value={code} onChange={setCode} />
      <ErrorLine error={finish.error} />
      <Button type="submit" look="primary" busy={finish.isPending}>
        {finish.isPending ? t("signIn.busy") : t("signIn.submit")}
      </Button>
      <Button look="ghost" className="self-start" onClick={onBack}>
        {t("signIn.startOver")}
      </Button>
    </form>
  );
}

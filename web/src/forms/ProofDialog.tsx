import { useMutation, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ownAccountQuery } from "../api/account-links.ts";
import { prove } from "../api/settings.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input } from "../ui/Field.tsx";
import { CodeField } from "./CodeField.tsx";

export interface Proven<T> {
  /** Does it; asks for the password first where the server wants one, and then does it again. */
  readonly run: (input: T) => void;
  readonly busy: boolean;
  /** Everything but the question for the password. */
  readonly error: unknown;
  readonly reset: () => void;
  /** Stands anywhere on the page. */
  readonly dialog: ReactNode;
}

/** For acts that need a password given lately. */
export function useProven<T, R>(act: (input: T) => Promise<R>, onDone: (result: R) => unknown): Proven<T> {
  const [waiting, setWaiting] = useState<{ readonly input: T } | null>(null);
  const { mutate, isPending, error, reset } = useMutation({
    mutationFn: act,
    onSuccess: onDone,
    onError: (failure, input) => {
      if (isApiError(failure, "proof_required")) {
        setWaiting({ input });
      }
    },
  });
  const goOn = (): void => {
    if (waiting !== null) {
      setWaiting(null);
      mutate(waiting.input);
    }
  };
  return {
    run: mutate,
    busy: isPending,
    error: isApiError(error, "proof_required") ? null : error,
    reset,
    dialog: waiting === null ? null : <ProofDialog onProven={goOn} onClose={() => setWaiting(null)} />,
  };
}

function ProofDialog(props: { readonly onProven: () => void; readonly onClose: () => void }): ReactNode {
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const account = useQuery(ownAccountQuery());
  const needsCode = account.data?.secondFactor.enabled === true;
  const check = useMutation({ mutationFn: prove, onSuccess: props.onProven });
  return (
    <Dialog open onClose={props.onClose} title={t("proof.title")}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          // React hands events of a dialog on to the form that opened it.
          event.stopPropagation();
          check.mutate({ password, ...(needsCode ? { code: code.trim() } : {}) });
        }}
      >
        <p className="max-w-[60ch]">{t("proof.body")}</p>
        <Field label={t("proof.password")}>
          {(control) => (
            <Input
              {...control}
              type="password"
              autoComplete="current-password"
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          )}
        </Field>
        {needsCode ? <CodeField value={code} onChange={setCode} /> : null}
        <ErrorLine error={check.error} />
        <Button type="submit" look="primary" className="self-start" busy={check.isPending}>
          {check.isPending ? t("proof.busy") : t("proof.submit")}
        </Button>
      </form>
    </Dialog>
  );
}

import type { Runner } from "@cronium/protocol/runner-view";
import { useInfiniteQuery } from "@tanstack/react-query";
import { CircleCheck } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { itemsOf } from "../api/page.ts";
import { mintRegistrationToken, runnersQuery } from "../api/runners.ts";
import { CopyLine } from "../components/CopyLine.tsx";
import { ErrorPanel } from "../components/ErrorPanel.tsx";
import { formatDuration } from "../lib/duration.ts";
import { useNow } from "../lib/now.ts";
import { idempotencyKey } from "../lib/random.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Facts } from "../ui/Facts.tsx";
import { icon } from "../ui/icons.ts";
import { useProven } from "./ProofDialog.tsx";

type Minted = Awaited<ReturnType<typeof mintRegistrationToken>>;

/** One line to copy; turns into "connected" by itself when the machine shows up. */
export function AddRunnerForm({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [token, setToken] = useState<Minted | null>(null);
  const { run, busy, error, dialog } = useProven(mintRegistrationToken, setToken);
  const isMinted = useRef(false);
  useEffect(() => {
    // Once per opening, also when React mounts twice.
    if (!isMinted.current) {
      isMinted.current = true;
      run(idempotencyKey());
    }
  }, [run]);
  const { runner, forget } = useNewcomer();
  const again = (): void => {
    forget();
    run(idempotencyKey());
  };
  return (
    <Dialog open onClose={onClose} shape="sheet" title={t("addRunner.title")}>
      <div className="flex flex-col gap-4">
        {runner === null ? (
          <>
            <p className="max-w-[60ch]">{t("addRunner.intro")}</p>
            {error !== null ? <ErrorPanel error={error} onRetry={again} /> : null}
            {token !== null ? (
              <>
                <CopyLine text={token.installCommand} label={t("addRunner.copy")} />
                <TimeLeft expiresAt={token.expiresAt} busy={busy} onRenew={again} />
              </>
            ) : busy ? (
              <p className="text-dim">{t("addRunner.minting")}</p>
            ) : error === null ? (
              <Button look="primary" className="self-start" onClick={again}>
                {t("addRunner.renew")}
              </Button>
            ) : null}
            {dialog}
            <p role="status" className="flex items-center gap-2 text-live">
              <span className="size-2 animate-breathe rounded-full bg-live" />
              {t("addRunner.waiting")}
            </p>
            <p className="border-t border-line pt-3 text-12 text-dim">{t("addRunner.root")}</p>
          </>
        ) : (
          <Connected runner={runner} onAgain={again} onClose={onClose} />
        )}
      </div>
    </Dialog>
  );
}

function TimeLeft(props: {
  readonly expiresAt: string;
  readonly busy: boolean;
  readonly onRenew: () => void;
}): ReactNode {
  const now = useNow(1_000);
  const left = Date.parse(props.expiresAt) - now;
  return (
    <p className="flex flex-wrap items-center gap-3 text-12 text-dim">
      {left > 0 ? (
        t("addRunner.left", formatDuration(Math.floor(left / 1_000) * 1_000))
      ) : (
        <span className="text-warn">{t("addRunner.expired")}</span>
      )}
      <Button size="small" look={left > 0 ? "ghost" : "plain"} busy={props.busy} onClick={props.onRenew}>
        {t("addRunner.renew")}
      </Button>
    </p>
  );
}

function Connected(props: {
  readonly runner: Runner;
  readonly onAgain: () => void;
  readonly onClose: () => void;
}): ReactNode {
  const { platform, latencyMs, name } = props.runner;
  return (
    <>
      <p role="status" className="flex items-center gap-2 text-15 font-semibold text-good">
        <CircleCheck {...icon} />
        {t("addRunner.connected", name)}
      </p>
      <Facts
        rows={[
          [t("addRunner.host"), platform?.hostname ?? "–"],
          [t("addRunner.os"), platform === null ? "–" : `${platform.os}, ${platform.arch}`],
          [t("addRunner.node"), platform?.node ?? "–"],
          [t("addRunner.docker"), platform?.docker ?? t("addRunner.noDocker")],
          [t("addRunner.latency"), latencyMs === null ? t("addRunner.measuring") : `${Math.round(latencyMs)} ms`],
        ]}
      />
      <div className="flex gap-2">
        <Button look="primary" onClick={props.onClose}>
          {t("action.close")}
        </Button>
        <Button onClick={props.onAgain}>{t("addRunner.another")}</Button>
      </div>
    </>
  );
}

/** The first runner that connects after this opened and was not connected before. */
function useNewcomer(): { readonly runner: Runner | null; readonly forget: () => void } {
  const query = useInfiniteQuery(runnersQuery());
  const runners = itemsOf(query.data);
  const connected = runners.filter((runner) => runner.state !== "offline" && runner.connectedAt !== null);
  const [known, setKnown] = useState<ReadonlySet<string> | null>(null);
  useEffect(() => {
    if (known === null && query.data !== undefined) {
      setKnown(new Set(connected.map((runner) => runner.id)));
    }
  }, [known, query.data, connected]);
  const runner = known === null ? null : (connected.find((one) => !known.has(one.id)) ?? null);
  return { runner, forget: () => setKnown(new Set(connected.map((one) => one.id))) };
}

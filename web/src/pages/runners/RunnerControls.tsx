import type { Runner } from "@cronium/protocol/runner-view";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CirclePause, CirclePlay, CircleStop } from "lucide-react";
import { type ReactNode, useState } from "react";
import { keys } from "../../api/keys.ts";
import { drainRunner, resumeRunner } from "../../api/runners.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { PauseRunnerForm } from "../../forms/PauseRunnerForm.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";

/** Pause or resume, and drain. */
export function RunnerControls({ runner }: { readonly runner: Runner }): ReactNode {
  const [isAsking, setAsking] = useState<"pause" | "drain" | null>(null);
  const client = useQueryClient();
  const onSuccess = (): Promise<void> => {
    setAsking(null);
    return client.invalidateQueries({ queryKey: keys.runners() });
  };
  const resume = useMutation({ mutationFn: () => resumeRunner(runner.id), onSuccess });
  const drain = useMutation({ mutationFn: () => drainRunner(runner.id), onSuccess });
  if (runner.state === "disabled") {
    return null;
  }
  const isAway = runner.connectedAt === null;
  return (
    <>
      <ErrorLine error={resume.error} />
      {runner.paused === null ? (
        <Button icon={<CirclePause {...icon} />} onClick={() => setAsking("pause")}>
          {t("runner.pause")}
        </Button>
      ) : (
        <Button
          icon={<CirclePlay {...icon} />}
          busy={resume.isPending}
          blocked={runner.paused.by === "machine" ? t("runner.resumeAtMachine") : undefined}
          onClick={() => resume.mutate()}
        >
          {t("runner.resume")}
        </Button>
      )}
      <Button
        look="danger"
        icon={<CircleStop {...icon} />}
        blocked={isAway ? t("runner.isOffline") : undefined}
        onClick={() => setAsking("drain")}
      >
        {t("runner.drain")}
      </Button>
      {isAsking === "pause" ? <PauseRunnerForm runner={runner} onClose={() => setAsking(null)} /> : null}
      <ConfirmDialog
        open={isAsking === "drain"}
        title={t("runner.drainTitle", runner.name)}
        body={
          <>
            {t("runner.drainBody")}
            <ErrorLine error={drain.error} />
          </>
        }
        confirm={t("runner.drain")}
        keep={t("runner.keepGoing")}
        busy={drain.isPending}
        onConfirm={() => drain.mutate()}
        onClose={() => setAsking(null)}
      />
    </>
  );
}

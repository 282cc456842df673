import type { Runner } from "@cronium/protocol/runner-view";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { keys } from "../../api/keys.ts";
import { revokeRunner } from "../../api/runners.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { t } from "../../lib/text.ts";
import { IconButton } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";

/** Taking a runner out for good, after asking. A revoked one has nothing left to do. */
export function RunnerActions({ runner }: { readonly runner: Runner }): ReactNode {
  const [isAsking, setAsking] = useState(false);
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => revokeRunner(runner.id),
    onSuccess: () => {
      setAsking(false);
      return client.invalidateQueries({ queryKey: keys.runners() });
    },
  });
  if (runner.state === "disabled") {
    return null;
  }
  return (
    <>
      <span className="relative z-10">
        <IconButton size="small" label={t("runners.revokeOf", runner.name)} onClick={() => setAsking(true)}>
          <Trash2 {...icon} />
        </IconButton>
      </span>
      <ConfirmDialog
        open={isAsking}
        title={t("runners.revokeTitle", runner.name)}
        body={
          <>
            {t("runners.revokeBody", runner.slotsUsed)}
            <ErrorLine error={revoke.error} />
          </>
        }
        confirm={t("runners.revoke")}
        keep={t("runners.revokeKeep")}
        busy={revoke.isPending}
        onConfirm={() => revoke.mutate()}
        onClose={() => setAsking(false)}
      />
    </>
  );
}

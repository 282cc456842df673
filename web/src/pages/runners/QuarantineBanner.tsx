import type { Runner } from "@cronium/protocol/runner-view";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ShieldAlert } from "lucide-react";
import type { ReactNode } from "react";
import { keys } from "../../api/keys.ts";
import { releaseRunner } from "../../api/runners.ts";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Time } from "../../components/Time.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";

/** Runners that wait for a person to look at their machine: one line each, over the list. */
export function QuarantineBanner({ runners }: { readonly runners: readonly Runner[] }): ReactNode {
  return runners
    .filter((runner) => runner.quarantine !== null && runner.quarantine !== undefined && runner.state !== "disabled")
    .map((runner) => <Quarantined key={runner.id} runner={runner} />);
}

function Quarantined({ runner }: { readonly runner: Runner }): ReactNode {
  const client = useQueryClient();
  const release = useMutation({
    mutationFn: () => releaseRunner(runner.id),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.runners() }),
  });
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-bad-wash px-4 py-1.5 text-12 lg:px-6"
    >
      <ShieldAlert {...icon} className="shrink-0 text-bad" />
      <p className="min-w-0 flex-1 basis-80">
        {runner.quarantine?.message} {t("runners.quarantineHelp")}{" "}
        <span className="text-dim">
          {t("runners.since")} <Time at={runner.quarantine?.at ?? null} />
        </span>
      </p>
      <Button size="small" busy={release.isPending} onClick={() => release.mutate()}>
        {t("runners.releaseOf", runner.name)}
      </Button>
      <ErrorLine error={release.error} />
    </div>
  );
}

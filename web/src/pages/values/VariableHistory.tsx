import type { Variable, VariableVersion } from "@cronium/protocol/api/variables";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { membersQuery } from "../../api/members.ts";
import { setVariable, variableVersionsQuery } from "../../api/values.ts";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";

export interface VariableHistoryProps {
  readonly variable: Variable;
  /** Why its values cannot be changed here. */
  readonly blocked: string | undefined;
  readonly onClose: () => void;
}

/** Every value that is kept, newest first; an old one becomes the newest again. */
export function VariableHistory({ variable, blocked, onClose }: VariableHistoryProps): ReactNode {
  const query = useQuery(variableVersionsQuery(variable.id));
  const members = useQuery(membersQuery());
  const client = useQueryClient();
  const takeBack = useMutation({
    mutationFn: ({ value, type }: VariableVersion) =>
      setVariable({ id: variable.id, change: { value, type, version: variable.version } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["variables"] });
      onClose();
    },
  });
  const nameOf = (id: string): string => members.data?.items.find(({ userId }) => userId === id)?.name ?? id;
  return (
    <Dialog open onClose={onClose} shape="sheet" title={t("variables.historyTitle", variable.name)}>
      <Loadable query={query} rows={4}>
        {(page) => (
          <ol aria-label={t("variables.history")} className="flex flex-col gap-4">
            {page.items.map((version) => (
              <li key={version.version} className="flex flex-col gap-1 border-b border-line pb-3">
                <div className="flex items-center gap-2 text-12 text-faint">
                  <span className="font-medium text-text">
                    {t("variables.version")} {version.version}
                  </span>
                  <Time at={version.at} />
                  <span className="truncate" title={version.by}>
                    {nameOf(version.by)}
                  </span>
                  {version.version === variable.version ? null : (
                    <Button
                      size="small"
                      className="ml-auto"
                      blocked={blocked}
                      busy={takeBack.isPending}
                      onClick={() => takeBack.mutate(version)}
                    >
                      {t("variables.takeBack")}
                    </Button>
                  )}
                </div>
                <pre className="overflow-x-auto whitespace-pre-wrap break-words font-mono text-12">
                  {typeof version.value === "string" ? version.value : JSON.stringify(version.value, null, 2)}
                </pre>
              </li>
            ))}
          </ol>
        )}
      </Loadable>
      <ErrorLine error={takeBack.error} />
    </Dialog>
  );
}

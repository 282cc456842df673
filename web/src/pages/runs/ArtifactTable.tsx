import type { Run } from "@cronium/protocol/run";
import type { ReactNode } from "react";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Time } from "../../components/Time.tsx";
import { formatBytes } from "../../lib/duration.ts";
import { apiPaths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";

type Artifact = Run["artifacts"][number];

export function ArtifactTable({ run }: { readonly run: Run }): ReactNode {
  return run.artifacts.length === 0 ? null : (
    <DataTable
      label={t("artifact.title")}
      columns={columns(run.id)}
      rows={run.artifacts}
      rowKey={(artifact) => String(artifact.number)}
    />
  );
}

function columns(runId: string): readonly Column<Artifact>[] {
  return [
    {
      key: "name",
      title: t("artifact.name"),
      grows: true,
      cell: ({ number, name }) => (
        <a
          className="block truncate underline"
          href={`${apiPaths.runArtifacts(runId)}/${number}`}
          download
          title={t("artifact.download", name)}
        >
          {name}
        </a>
      ),
    },
    { key: "type", title: t("artifact.type"), from: "md", cell: ({ contentType }) => contentType },
    { key: "stored", title: t("artifact.stored"), from: "sm", cell: ({ createdAt }) => <Time at={createdAt} /> },
    { key: "size", title: t("artifact.size"), align: "right", cell: ({ bytes }) => formatBytes(bytes) },
  ];
}

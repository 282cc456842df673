import type { AuditEntry } from "@cronium/protocol/api/audit";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Time } from "../../components/Time.tsx";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Facts } from "../../ui/Facts.tsx";
import { target } from "../../ui/TextLink.tsx";

export interface AuditEntryDialogProps {
  readonly entry: AuditEntry;
  readonly nameOf: (id: string) => string | undefined;
  readonly onClose: () => void;
}

/** All that is known of one entry. */
export function AuditEntryDialog({ entry, nameOf, onClose }: AuditEntryDialogProps): ReactNode {
  const navigate = useNavigate();
  const { actor, chain, seq } = entry;
  return (
    <Dialog open onClose={onClose} title={entry.verb} shape="sheet">
      <Facts
        rows={[
          [t("audit.when"), <Time key="when" at={entry.at} />],
          [t("audit.who"), <Named key="who" id={actor.id} name={nameOf(actor.id)} />],
          [t("audit.target"), <Named key="target" id={entry.target} name={nameOf(entry.target)} />],
          [t("audit.address"), entry.ip ?? "–"],
          [t("audit.request"), <Code key="request" text={entry.requestId} />],
          [t("audit.place"), <Code key="place" text={`${chain} ${seq}`} />],
          [t("audit.hash"), <Code key="hash" text={entry.hash} />],
        ]}
      />
      <Value title={t("audit.before")} value={entry.before} />
      <Value title={t("audit.after")} value={entry.after} />
      <Button
        size="small"
        className="mt-4"
        onClick={() => {
          onClose();
          void navigate(target(paths.settings(), { tab: "audit", target: entry.target }));
        }}
      >
        {t("audit.all")}
      </Button>
    </Dialog>
  );
}

function Named({ id, name }: { readonly id: string; readonly name: string | undefined }): ReactNode {
  return (
    <>
      {name === undefined ? null : <span className="pr-2">{name}</span>}
      <Code text={id} />
    </>
  );
}

function Code({ text }: { readonly text: string }): ReactNode {
  return <code className="break-all font-mono text-12 text-dim">{text}</code>;
}

function Value({ title, value }: { readonly title: string; readonly value: unknown }): ReactNode {
  return value === null ? null : (
    <>
      <h3 className="pb-1 pt-4 text-12 font-medium text-dim">{title}</h3>
      <pre className="overflow-x-auto whitespace-pre-wrap break-words border border-line p-2 font-mono text-12">
        {JSON.stringify(value, null, 2)}
      </pre>
    </>
  );
}

/** Cells that the tables of secrets and of variables share. */
import type { ReactNode } from "react";
import { t } from "../../lib/text.ts";

interface Named {
  readonly name: string;
  readonly description: string;
  readonly eventId: string | null;
  readonly eventName: string | null;
}

export function NameCell({ value }: { readonly value: Named }): ReactNode {
  return (
    <span className="flex min-w-0 items-baseline gap-2">
      <code className="truncate font-mono text-12 font-medium" title={value.name}>
        {value.name}
      </code>
      <span className="truncate text-faint" title={value.description}>
        {value.description}
      </span>
    </span>
  );
}

export function ScopeCell({ value, eventId }: { readonly value: Named; readonly eventId: string | null }): ReactNode {
  if (value.eventId === null) {
    return <span className="text-faint">{t("values.workspace")}</span>;
  }
  return eventId === null ? (
    <span className="block max-w-48 truncate" title={value.eventName ?? value.eventId}>
      {value.eventName ?? value.eventId}
    </span>
  ) : (
    t("values.thisEvent")
  );
}

/** The head of a section: what it is, and what can be done. */
export function SectionHead(props: {
  readonly title: string;
  readonly help: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <header className="flex flex-wrap items-end gap-x-6 gap-y-2 px-4 pb-3 pt-5 lg:px-6">
      <div className="min-w-48 flex-1">
        <h2 className="text-15 font-semibold">{props.title}</h2>
        <p className="max-w-[68ch] text-dim">{props.help}</p>
      </div>
      <div className="flex flex-wrap gap-2">{props.children}</div>
    </header>
  );
}

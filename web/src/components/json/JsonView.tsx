import { ChevronDown, ChevronRight, Download } from "lucide-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useMemo, useRef, useState } from "react";
import { formatBytes } from "../../lib/duration.ts";
import { type JsonRow, flattenJson } from "../../lib/json-rows.ts";
import { jsonBytes } from "../../lib/json-text.ts";
import { t } from "../../lib/text.ts";
import { buttonClasses } from "../../ui/Button.tsx";
import { classes } from "../../ui/classes.ts";
import { icon } from "../../ui/icons.ts";
import { CopyButton } from "../CopyLine.tsx";

/** Above this a value opens as a tree; below, its text is the quickest to read. */
const TEXT_UP_TO = 4_096;
/** Text beyond this is left to the download. */
const DRAWN_TEXT = 200_000;

export interface JsonViewProps {
  readonly value: unknown;
  readonly fileName: string;
}

/** Any JSON value: its size first, then text or a tree of which only visible rows exist in the page. */
export function JsonView({ value, fileName }: JsonViewProps): ReactNode {
  const bytes = useMemo(() => jsonBytes(value), [value]);
  const isContainer = typeof value === "object" && value !== null;
  const [form, setForm] = useState<"text" | "tree">(bytes <= TEXT_UP_TO || !isContainer ? "text" : "tree");
  const text = useMemo(() => JSON.stringify(value, null, 2) ?? "null", [value]);
  const download = (): void => {
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = fileName;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <div className="flex flex-col">
      <div className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-1 lg:px-6">
        <span className="text-12 text-faint">{t("json.size", formatBytes(bytes))}</span>
        <span className="ml-auto flex items-center gap-1">
          {isContainer ? (
            <button
              type="button"
              aria-pressed={form === "tree"}
              className={classes(buttonClasses("ghost", "small"), form === "tree" && "bg-active! text-text!")}
              onClick={() => setForm(form === "tree" ? "text" : "tree")}
            >
              {t("json.tree")}
            </button>
          ) : null}
          <CopyButton text={text} label={t("action.copy")} />
          <button type="button" className={buttonClasses("ghost", "small")} onClick={download}>
            <Download {...icon} />
            <span className="max-sm:sr-only">{t("json.download")}</span>
          </button>
        </span>
      </div>
      {form === "tree" ? (
        <JsonTree value={value} />
      ) : (
        <pre
          tabIndex={0}
          aria-label={t("json.title")}
          className="max-h-[70vh] overflow-auto whitespace-pre-wrap px-4 py-3 font-mono text-12 leading-[18px] -outline-offset-2 lg:px-6"
        >
          {text.length > DRAWN_TEXT
            ? `${text.slice(0, DRAWN_TEXT)}\n${t("json.more", text.length - DRAWN_TEXT)}`
            : text}
        </pre>
      )}
    </div>
  );
}

function JsonTree({ value }: { readonly value: unknown }): ReactNode {
  const area = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set([""]));
  const rows = useMemo(() => flattenJson(value, open), [value, open]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => area.current,
    estimateSize: () => 24,
    overscan: 20,
  });
  const toggle = (path: string): void => {
    const next = new Set(open);
    if (!next.delete(path)) {
      next.add(path);
    }
    setOpen(next);
  };
  return (
    <div
      ref={area}
      tabIndex={0}
      role="group"
      aria-label={t("json.title")}
      className="max-h-[70vh] overflow-auto px-4 py-2 font-mono text-12 -outline-offset-2 lg:px-6"
    >
      <div className="relative w-full" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return row === undefined ? null : (
            <div
              key={row.path}
              className="absolute inset-x-0 flex h-6 items-center"
              style={{ transform: `translateY(${item.start}px)`, paddingLeft: row.depth * 16 }}
            >
              <TreeRow row={row} isOpen={open.has(row.path)} onToggle={toggle} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function TreeRow(props: {
  readonly row: JsonRow;
  readonly isOpen: boolean;
  readonly onToggle: (path: string) => void;
}): ReactNode {
  const { row, isOpen, onToggle } = props;
  const key = row.key === null ? null : <span className="mr-2 shrink-0 text-dim">{row.key}:</span>;
  if (row.children === null) {
    return (
      <span className="flex min-w-0 pl-5">
        {key}
        <span className="truncate">{row.text}</span>
      </span>
    );
  }
  return (
    <button
      type="button"
      aria-expanded={isOpen}
      onClick={() => onToggle(row.path)}
      className="flex min-w-0 items-center gap-1 rounded-control"
    >
      {isOpen ? <ChevronDown {...icon} className="shrink-0" /> : <ChevronRight {...icon} className="shrink-0" />}
      {key}
      <span className="shrink-0 text-faint">
        {row.isList ? t("json.items", row.children) : t("json.keys", row.children)}
      </span>
      <span className="ml-1 truncate text-dim">{row.text}</span>
    </button>
  );
}

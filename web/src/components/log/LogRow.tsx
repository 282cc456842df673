import { ChevronRight } from "lucide-react";
import { type KeyboardEvent, type MouseEvent, type ReactNode, memo } from "react";
import type { Piece } from "../../lib/log/ansi.ts";
import type { LogLine, Mark } from "../../lib/log/buffer.ts";
import type { Level } from "../../lib/log/hints.ts";
import type { Group } from "../../lib/log/model.ts";
import { formatBytes } from "../../lib/duration.ts";
import { clockTime } from "../../lib/time.ts";
import { type TextKey, t } from "../../lib/text.ts";
import { classes } from "../../ui/classes.ts";
import { LogPieces } from "./LogPieces.tsx";

export interface LogRowProps {
  readonly line: LogLine;
  readonly part: number;
  readonly pieces: readonly Piece[];
  readonly overwritten: number;
  readonly isExpanded: boolean;
  readonly isMarked: boolean;
  /** Characters of the widest line number. */
  readonly digits: number;
  /** Zone of the time column; null hides it. */
  readonly zone: string | null;
  readonly onLink: (number: number, extend: boolean) => void;
  readonly onExpand: (number: number) => void;
  /** The group that begins with this line; null for none. */
  readonly group: Group | null;
  readonly onFold: (number: number, folded: boolean) => void;
}

/** One row of fixed height: number, time, text. Number and time stay out of what is copied. */
export const LogRow = memo(function LogRow(props: LogRowProps): ReactNode {
  const { line, part, zone, digits } = props;
  if (line.mark !== null) {
    return <MarkRow mark={line.mark} />;
  }
  const isFirst = part === 0;
  const link = (click: MouseEvent): void => {
    click.preventDefault();
    props.onLink(line.number, click.shiftKey);
  };
  return (
    <div
      className={classes("group flex h-[18px] w-max min-w-full", props.isMarked ? "bg-live-wash" : "hover:bg-hover")}
    >
      <span
        className={classes(
          "sticky left-0 flex shrink-0 select-none border-r text-faint",
          props.isMarked ? "bg-live-wash" : "bg-bg group-hover:bg-hover",
          line.level !== null ? LEVEL_BORDERS[line.level] : line.stream === "stderr" ? "border-r-dim" : "border-r-line",
        )}
      >
        <a
          href={`#L${line.number}`}
          tabIndex={-1}
          onClick={link}
          aria-label={line.level === null ? t("log.lineLink", line.number) : LEVEL_LINKS[line.level](line.number)}
          className={classes(
            "pl-3 pr-2 text-right hover:text-text lg:pl-6",
            line.level !== null && `font-semibold ${LEVEL_TEXTS[line.level]}`,
          )}
        >
          <span className="inline-block" style={{ width: `${digits}ch` }}>
            {isFirst ? line.number : ""}
          </span>
        </a>
        {zone === null ? null : (
          <span className="w-[14ch] pr-2 text-right">{isFirst ? clockTime(line.at, zone) : ""}</span>
        )}
      </span>
      <span className={classes("whitespace-pre pl-3 pr-4", line.stream === "system" && "text-dim")}>
        {props.group === null ? <LogPieces pieces={props.pieces} /> : <GroupTitle {...props} group={props.group} />}
        {isFirst && (props.overwritten > 0 || props.isExpanded) ? (
          <button
            type="button"
            tabIndex={-1}
            title={props.isExpanded ? t("log.overwrittenShown") : t("log.overwrittenTitle", props.overwritten)}
            onClick={() => props.onExpand(line.number)}
            className="ml-2 select-none rounded-control px-1 text-11 leading-4 text-faint hover:bg-active hover:text-text"
          >
            {props.isExpanded ? "↩" : t("log.overwritten", props.overwritten)}
          </button>
        ) : null}
      </span>
    </div>
  );
});

const LEVEL_BORDERS: Readonly<Record<Level, string>> = { error: "border-r-bad", warning: "border-r-warn" };
const LEVEL_TEXTS: Readonly<Record<Level, string>> = { error: "text-bad", warning: "text-warn" };
const LEVEL_LINKS: Readonly<Record<Level, (line: number) => string>> = {
  error: (line) => t("log.errorLink", line),
  warning: (line) => t("log.warningLink", line),
};

/** The button folds and unfolds, as do the arrow keys on it; a click on the title does the same. */
function GroupTitle(props: LogRowProps & { readonly group: Group }): ReactNode {
  const { line, pieces, group } = props;
  const { isFolded, hidden } = group;
  const fold = (folded: boolean): void => {
    if (folded !== isFolded) {
      props.onFold(line.number, folded);
    }
  };
  const onKeyDown = (press: KeyboardEvent): void => {
    if (press.key === "ArrowLeft" || press.key === "ArrowRight") {
      press.preventDefault();
      fold(press.key === "ArrowLeft");
    }
  };
  const title = pieces.map(({ text }) => text).join("");
  return (
    <span className="inline-flex items-center">
      <button
        type="button"
        aria-expanded={!isFolded}
        aria-label={t("log.group", title)}
        onClick={() => fold(!isFolded)}
        onKeyDown={onKeyDown}
        className="-ml-1 mr-0.5 inline-flex select-none rounded-control text-dim hover:bg-active hover:text-text"
      >
        <ChevronRight aria-hidden size={16} className={classes("transition-transform", !isFolded && "rotate-90")} />
      </button>
      <span className="cursor-pointer font-semibold" onClick={() => fold(!isFolded)}>
        <LogPieces pieces={pieces} />
      </span>
      {isFolded ? (
        <span className="ml-3 select-none font-sans text-11 text-faint">
          {t("log.hidden", hidden.lines)}
          {hidden.errors > 0 ? <span className="text-bad">{t("log.hiddenErrors", hidden.errors)}</span> : null}
        </span>
      ) : null}
    </span>
  );
}

function MarkRow({ mark }: { readonly mark: Mark }): ReactNode {
  return (
    <div className="flex h-[18px] w-full min-w-full items-center gap-3 px-3 font-sans text-12 lg:px-6">
      <span
        className={classes(
          "sticky left-3 shrink-0 lg:left-6",
          mark.type === "attempt" ? "font-medium text-dim" : "text-warn",
        )}
      >
        {markText(mark)}
      </span>
      <span aria-hidden className="h-px flex-1 bg-line" />
    </div>
  );
}

function markText(mark: Mark): string {
  switch (mark.type) {
    case "attempt":
      return t("log.markAttempt", mark.attempt);
    case "gap":
      return t("log.markGap", formatBytes(mark.bytes), gapReason(mark.reason));
    case "end":
      return mark.logState === "truncated" ? t("log.markTruncated") : t("log.markIncomplete");
    default:
      return mark satisfies never;
  }
}

const GAP_KEYS: Readonly<Record<string, TextKey & `log.gap.${string}`>> = {
  spool_full: "log.gap.spool_full",
  log_quota: "log.gap.log_quota",
  runner_lost: "log.gap.runner_lost",
  disk_full: "log.gap.disk_full",
  not_received: "log.gap.not_received",
};

function gapReason(reason: string): string {
  const key = GAP_KEYS[reason];
  return key === undefined ? reason : t(key);
}

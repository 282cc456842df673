import type { LogStream } from "@cronium/protocol/log-frame";
import { ArrowDown } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { LogBuffer } from "../../lib/log/buffer.ts";
import { type Folds, withFold } from "../../lib/log/folds.ts";
import type { Level } from "../../lib/log/hints.ts";
import { RowModel } from "../../lib/log/model.ts";
import { scrollHeight } from "../../lib/log/scroll.ts";
import { useStored } from "../../lib/stored.ts";
import { t } from "../../lib/text.ts";
import { viewerZone } from "../../lib/time.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";
import { timeView } from "../Time.tsx";
import { LogRow } from "./LogRow.tsx";
import { LogToolbar, timesChoice, wrapChoice } from "./LogToolbar.tsx";
import { type LineRange, parseLineHash } from "../../lib/log/line-hash.ts";
import { ROW_HEIGHT, useLogScroll } from "./use-log-scroll.ts";
import { useAnnouncement } from "./use-announcement.ts";

/** Width of one character of the 12 px monospaced font: 0.6 em. */
const CHARACTER = 7.2;

export interface LogViewProps {
  readonly buffer: LogBuffer;
  /** More may still come. */
  readonly isLive: boolean;
  readonly connection: "connecting" | "open" | "lost";
  /** Everything stored so far has arrived. */
  readonly isCaughtUp: boolean;
  readonly stream: LogStream | null;
  readonly onStream: (stream: LogStream | null) => void;
  /** `warning` shows errors as well; null shows every line. */
  readonly level: Level | null;
  readonly onLevel: (level: Level | null) => void;
  readonly folds: Folds;
  readonly onFolds: (folds: Folds) => void;
  readonly downloadHref: string;
  readonly downloadName: string;
  /** `L120` or `L120-L180`, from the address bar. */
  readonly hash: string;
  readonly onHash: (hash: string) => void;
  /** Scrolls to this attempt when it changes. */
  readonly attempt: number | null;
}

/** A whole log, from its first line to the live end. Only rows near the visible ones exist in the page. */
export function LogView(props: LogViewProps): ReactNode {
  const { buffer, isLive, stream, level, folds } = props;
  const area = useRef<HTMLDivElement>(null);
  const isWrapped = useStored(wrapChoice) === "on";
  const hasTimes = useStored(timesChoice) === "on";
  const zoneChoice = useStored(timeView);
  const zone = hasTimes ? (zoneChoice === "utc" ? "UTC" : viewerZone()) : null;
  const [expanded, setExpanded] = useState<ReadonlySet<number>>(new Set());
  const [columns, setColumns] = useState(80);
  const version = useSyncExternalStore(
    (listener) => buffer.subscribe(listener),
    () => buffer.version,
  );
  const digits = Math.max(3, String(buffer.count).length);

  const range = parseLineHash(props.hash);
  const reveal = range?.from ?? null;
  const options = useMemo(
    () => ({ columns: isWrapped ? columns : null, stream, expanded, level, folds, reveal }),
    [isWrapped, columns, stream, expanded, level, folds, reveal],
  );
  const model = useMemo(() => new RowModel(buffer, options), [buffer, options]);
  const rowCount = useMemo(() => {
    model.sync();
    return model.rowCount;
    // `version` stands for the buffer's content.
    // oxlint-disable-next-line react/exhaustive-deps -- the buffer changes in place; its version says when
  }, [model, version]);
  const scroll = useLogScroll(area, rowCount, isLive && props.hash === "");

  useEffect(() => {
    const gutter = (digits + (zone === null ? 0 : 14)) * CHARACTER + 64;
    setColumns(Math.max(20, Math.floor((scroll.width - gutter) / CHARACTER)));
  }, [scroll.width, digits, zone]);

  useJump(range, props.attempt, buffer, model, version, props.isCaughtUp, scroll.centre);
  const [wasLive] = useState(isLive);
  const fresh = useFresh(buffer.finishedCount, scroll.isFollowing);
  const announcement = useAnnouncement(isLive && props.isCaughtUp ? buffer.finishedCount : null);

  const link = (number: number, extend: boolean): void => {
    const from = extend && range !== null ? Math.min(range.from, number) : number;
    const to = extend && range !== null ? Math.max(range.from, number) : number;
    props.onHash(from === to ? `L${from}` : `L${from}-L${to}`);
  };
  const toggle = (number: number): void => {
    const next = new Set(expanded);
    if (!next.delete(number)) {
      next.add(number);
    }
    setExpanded(next);
  };

  const fold = (number: number, folded: boolean): void => props.onFolds(withFold(folds, number, folded));

  const rows: ReactNode[] = [];
  for (let index = scroll.first; index < scroll.last; index += 1) {
    const row = model.row(index);
    if (row === undefined) {
      continue;
    }
    const { line, part } = row;
    const drawn = line.mark === null ? model.drawn(line) : null;
    rows.push(
      <LogRow
        key={index}
        line={line}
        part={part}
        pieces={drawn?.rows[part] ?? NO_PIECES}
        overwritten={drawn?.overwritten ?? 0}
        isExpanded={expanded.has(line.number)}
        isMarked={range !== null && line.number >= range.from && line.number <= range.to}
        digits={digits}
        zone={zone}
        onLink={link}
        onExpand={toggle}
        group={part === 0 ? model.groupAt(line) : null}
        onFold={fold}
      />,
    );
  }

  return (
    <section aria-label={t("log.label")} className="relative flex min-h-0 flex-1 flex-col">
      <LogToolbar {...props} isFollowing={scroll.isFollowing} />
      <div className="relative flex min-h-0 flex-1 flex-col">
        <div
          ref={area}
          role="log"
          aria-live="off"
          aria-label={t("log.label")}
          tabIndex={0}
          onScroll={scroll.onScroll}
          className="log relative min-h-0 flex-1 overflow-auto bg-bg font-mono text-12 leading-[18px] peer outline-none [overflow-anchor:none] [tab-size:8]"
        >
          {rowCount === 0 ? (
            <p className="px-4 py-3 font-sans text-13 text-dim lg:px-6">
              {!props.isCaughtUp ? t("log.loading") : isLive ? t("log.waiting") : t("log.empty")}
            </p>
          ) : (
            <div className="relative w-max min-w-full" style={{ height: scrollHeight(scroll.fullHeight) }}>
              <div
                className="w-max min-w-full"
                style={{
                  transform: `translateY(${scroll.offset}px)`,
                  height: (scroll.last - scroll.first) * ROW_HEIGHT,
                }}
              >
                {rows}
              </div>
            </div>
          )}
        </div>
        {/* The number column is painted over an outline of the scroll area itself. */}
        <span
          aria-hidden
          className="pointer-events-none absolute inset-0 -outline-offset-2 outline-live peer-focus-visible:outline-2"
        />
      </div>
      {!scroll.isFollowing && (isLive || (wasLive && fresh > 0)) && rowCount > 0 ? (
        <Button
          look="primary"
          size="small"
          onClick={scroll.follow}
          icon={<ArrowDown {...icon} />}
          className="absolute! bottom-3 left-1/2 -translate-x-1/2 shadow-layer"
        >
          {isLive ? t("log.jump", fresh) : t("log.jumpEnd")}
        </Button>
      ) : null}
      <span aria-live="polite" className="sr-only">
        {announcement}
      </span>
    </section>
  );
}

const NO_PIECES = [] as const;
/** More rows than half of any screen. */
const ROWS_BELOW = 200;

/** Lines that arrived since the reader left the end. */
function useFresh(count: number, isFollowing: boolean): number {
  const [left, setLeft] = useState(count);
  useEffect(() => {
    if (isFollowing) {
      setLeft(count);
    }
  }, [isFollowing, count]);
  return isFollowing ? 0 : Math.max(0, count - left);
}

/** Centres the linked line, or the chosen attempt, once it is there. */
function useJump(
  range: LineRange | null,
  attempt: number | null,
  buffer: LogBuffer,
  model: RowModel,
  version: number,
  isCaughtUp: boolean,
  centre: (row: number) => void,
): void {
  const done = useRef("");
  const wanted = range === null ? (attempt === null ? "" : `attempt ${attempt}`) : `line ${range.from}`;
  useEffect(() => {
    if (wanted === "" || done.current === wanted) {
      return;
    }
    const index =
      range === null ? (attempt === null ? -1 : buffer.indexOfAttempt(attempt)) : buffer.indexOfNumber(range.from);
    if (index !== -1) {
      const row = model.rowOfLine(index);
      centre(row);
      // A line can only stand in the middle once there is something below it.
      if (isCaughtUp || model.rowCount - row > ROWS_BELOW) {
        done.current = wanted;
      }
    }
    // oxlint-disable-next-line react/exhaustive-deps -- tried again with every version of the buffer until the line is there
  }, [wanted, version, model, isCaughtUp]);
}

import type { LogStream } from "@cronium/protocol/log-frame";
import { ArrowDown, Download } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { formatBytes } from "../../lib/duration.ts";
import type { LogBuffer } from "../../lib/log/buffer.ts";
import { RowModel } from "../../lib/log/model.ts";
import { scrollHeight } from "../../lib/log/scroll.ts";
import { Stored, useStored } from "../../lib/stored.ts";
import { t } from "../../lib/text.ts";
import { viewerZone } from "../../lib/time.ts";
import { Button, buttonClasses } from "../../ui/Button.tsx";
import { classes } from "../../ui/classes.ts";
import { icon } from "../../ui/icons.ts";
import { timeView } from "../Time.tsx";
import { LogRow } from "./LogRow.tsx";
import { type LineRange, parseLineHash } from "../../lib/log/line-hash.ts";
import { ROW_HEIGHT, useLogScroll } from "./use-log-scroll.ts";
import { useAnnouncement } from "./use-announcement.ts";

const wrapChoice = new Stored("log.wrap", ["off", "on"], "off");
const timesChoice = new Stored("log.times", ["off", "on"], "off");
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
  const { buffer, isLive, stream } = props;
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

  const options = useMemo(
    () => ({ columns: isWrapped ? columns : null, stream, expanded }),
    [isWrapped, columns, stream, expanded],
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

  const range = parseLineHash(props.hash);
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
      />,
    );
  }

  return (
    <section aria-label={t("log.label")} className="relative flex min-h-0 flex-1 flex-col">
      <div className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-1 lg:px-6">
        <span className="text-12 text-faint">{t("log.lines", lineCount(buffer), formatBytes(buffer.byteCount))}</span>
        {isLive ? (
          <span
            className={classes(
              "inline-flex items-center gap-1.5 text-12",
              props.connection === "lost" ? "text-warn" : "text-live",
            )}
          >
            <span
              className={classes("size-1.5 rounded-full bg-current", props.connection === "open" && "animate-breathe")}
            />
            {props.connection === "lost"
              ? t("log.reconnecting")
              : scroll.isFollowing
                ? t("log.following")
                : t("log.live")}
          </span>
        ) : null}
        <span className="ml-auto flex items-center gap-1">
          <StreamChoice stream={stream} onStream={props.onStream} />
          <Toggle label={t("log.times")} store={timesChoice} />
          <Toggle label={t("log.wrap")} store={wrapChoice} />
          <a href={props.downloadHref} download={props.downloadName} className={buttonClasses("ghost", "small")}>
            <Download {...icon} />
            <span className="max-sm:sr-only">{t("log.download")}</span>
          </a>
        </span>
      </div>
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

function lineCount(buffer: LogBuffer): number {
  for (let i = buffer.count - 1; i >= 0; i -= 1) {
    const number = buffer.line(i)?.number ?? 0;
    if (number > 0) {
      return number;
    }
  }
  return 0;
}

function Toggle({ label, store }: { readonly label: string; readonly store: Stored<"off" | "on"> }): ReactNode {
  const isOn = useStored(store) === "on";
  return (
    <button
      type="button"
      aria-pressed={isOn}
      onClick={() => store.set(isOn ? "off" : "on")}
      className={classes(buttonClasses("ghost", "small"), isOn && "bg-active! text-text!")}
    >
      {label}
    </button>
  );
}

function StreamChoice(props: {
  readonly stream: LogStream | null;
  readonly onStream: (stream: LogStream | null) => void;
}): ReactNode {
  return (
    <select
      data-compact
      aria-label={t("log.streams")}
      value={props.stream ?? "all"}
      onChange={(change) => props.onStream(change.target.value === "all" ? null : (change.target.value as LogStream))}
      className="h-7 rounded-control bg-transparent px-1.5 text-12 font-medium text-dim hover:bg-hover hover:text-text"
    >
      <option value="all">{t("log.allStreams")}</option>
      <option value="stdout">{t("log.onlyStdout")}</option>
      <option value="stderr">{t("log.onlyStderr")}</option>
    </select>
  );
}

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

import type { LogStream } from "@cronium/protocol/log-frame";
import { Download } from "lucide-react";
import type { ReactNode } from "react";
import { formatBytes } from "../../lib/duration.ts";
import type { LogBuffer } from "../../lib/log/buffer.ts";
import { FOLDED, type Folds, UNFOLDED } from "../../lib/log/folds.ts";
import type { Level } from "../../lib/log/hints.ts";
import { Stored, useStored } from "../../lib/stored.ts";
import { t } from "../../lib/text.ts";
import { buttonClasses } from "../../ui/Button.tsx";
import { classes } from "../../ui/classes.ts";
import { icon } from "../../ui/icons.ts";

export const wrapChoice = new Stored("log.wrap", ["off", "on"], "off");
export const timesChoice = new Stored("log.times", ["off", "on"], "off");

export interface LogToolbarProps {
  readonly buffer: LogBuffer;
  readonly isLive: boolean;
  readonly isFollowing: boolean;
  readonly connection: "connecting" | "open" | "lost";
  readonly stream: LogStream | null;
  readonly onStream: (stream: LogStream | null) => void;
  readonly level: Level | null;
  readonly onLevel: (level: Level | null) => void;
  readonly folds: Folds;
  readonly onFolds: (folds: Folds) => void;
  readonly downloadHref: string;
  readonly downloadName: string;
}

/** Above a log: how much of it there is, and what of it is shown how. */
export function LogToolbar(props: LogToolbarProps): ReactNode {
  const { buffer, folds } = props;
  const isAllFolded = folds.all && folds.others.size === 0;
  return (
    <div className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-1 lg:px-6">
      <span className="text-12 text-faint">{t("log.lines", lineCount(buffer), formatBytes(buffer.byteCount))}</span>
      {props.isLive ? <LiveState connection={props.connection} isFollowing={props.isFollowing} /> : null}
      <span className="ml-auto flex flex-wrap items-center gap-1">
        {buffer.groups.length > 0 && props.level === null ? (
          <button
            type="button"
            onClick={() => props.onFolds(isAllFolded ? UNFOLDED : FOLDED)}
            className={buttonClasses("ghost", "small")}
          >
            {isAllFolded ? t("log.unfoldAll") : t("log.foldAll")}
          </button>
        ) : null}
        <Choice
          label={t("log.levels")}
          value={props.level}
          onChange={props.onLevel}
          options={[
            [null, t("log.allLevels")],
            ["warning", t("log.warnings")],
            ["error", t("log.errors")],
          ]}
        />
        <Choice
          label={t("log.streams")}
          value={props.stream}
          onChange={props.onStream}
          options={[
            [null, t("log.allStreams")],
            ["stdout", t("log.onlyStdout")],
            ["stderr", t("log.onlyStderr")],
          ]}
        />
        <Toggle label={t("log.times")} store={timesChoice} />
        <Toggle label={t("log.wrap")} store={wrapChoice} />
        <a href={props.downloadHref} download={props.downloadName} className={buttonClasses("ghost", "small")}>
          <Download {...icon} />
          <span className="max-sm:sr-only">{t("log.download")}</span>
        </a>
      </span>
    </div>
  );
}

function LiveState(props: Pick<LogToolbarProps, "connection" | "isFollowing">): ReactNode {
  const { connection, isFollowing } = props;
  return (
    <span
      className={classes("inline-flex items-center gap-1.5 text-12", connection === "lost" ? "text-warn" : "text-live")}
    >
      <span className={classes("size-1.5 rounded-full bg-current", connection === "open" && "animate-breathe")} />
      {connection === "lost" ? t("log.reconnecting") : isFollowing ? t("log.following") : t("log.live")}
    </span>
  );
}

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

function Choice<Value extends string>(props: {
  readonly label: string;
  readonly value: Value | null;
  readonly onChange: (value: Value | null) => void;
  readonly options: readonly (readonly [Value | null, string])[];
}): ReactNode {
  const { options } = props;
  return (
    <select
      data-compact
      aria-label={props.label}
      value={props.value ?? "all"}
      onChange={({ target }) => props.onChange(options.find(([value]) => value === target.value)?.[0] ?? null)}
      className="h-7 rounded-control bg-transparent px-1.5 text-12 font-medium text-dim hover:bg-hover hover:text-text"
    >
      {options.map(([value, text]) => (
        <option key={value ?? "all"} value={value ?? "all"}>
          {text}
        </option>
      ))}
    </select>
  );
}

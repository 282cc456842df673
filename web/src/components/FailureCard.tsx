import type { Attempt, Run } from "@cronium/protocol/run";
import { cancelReasons, expireReasons, failReasons, skipReasons } from "@cronium/protocol/run-states";
import { type ReactNode, useSyncExternalStore } from "react";
import { readAnsiLine } from "../lib/log/ansi.ts";
import type { LogBuffer, LogLine } from "../lib/log/buffer.ts";
import { runTones } from "../lib/run-look.ts";
import { type TextKey, t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { classes } from "../ui/classes.ts";
import { LogPieces } from "./log/LogPieces.tsx";

const TAIL = 20;

export interface FailureCardProps {
  readonly run: Run;
  readonly attempt: Attempt | null;
  readonly buffer: LogBuffer;
  readonly onShowLine: (line: number) => void;
}

/** Why a run did not end well: the cause in words, what to do, and the last lines of stderr. */
export function FailureCard({ run, attempt, buffer, onShowLine }: FailureCardProps): ReactNode {
  useSyncExternalStore(
    (listener) => buffer.subscribe(listener),
    () => buffer.version,
  );
  const isFailure = run.state === "failed" || run.state === "timed_out";
  const cause = run.message ?? attempt?.message ?? sentence(run);
  const number = attempt?.attempt ?? run.attempt;
  const tail = isFailure ? buffer.stderrTail(number, TAIL) : [];
  const hint = isFailure ? HINTS[run.failReason ?? ""] : undefined;
  const isBad = runTones[run.state] === "bad";
  return (
    <section
      className={classes(
        "mx-4 flex flex-col gap-2 border-l-2 py-1 pl-3 lg:mx-6",
        isBad ? "border-bad" : "border-line-strong",
      )}
    >
      <p className="flex max-w-[90ch] flex-wrap gap-x-3">
        <span className="font-medium">{cause}</span>
        {run.exitCode !== null && run.exitCode !== 0 && !cause.includes(`code ${run.exitCode}`) ? (
          <Fact name={t("run.exitCode")} value={String(run.exitCode)} />
        ) : null}
        {run.signal !== null ? <Fact name={t("run.signal")} value={run.signal} /> : null}
      </p>
      {hint === undefined ? null : <p className="text-dim">{t(hint)}</p>}
      {tail.length > 0 ? <StderrTail lines={tail} onShowLine={onShowLine} /> : null}
    </section>
  );
}

function StderrTail({
  lines,
  onShowLine,
}: {
  readonly lines: readonly LogLine[];
  readonly onShowLine: (line: number) => void;
}): ReactNode {
  const last = lines.at(-1);
  return (
    <div className="flex flex-col gap-1">
      <div className="flex items-center gap-2 text-12 text-faint">
        {t("failure.stderr", lines.length)}
        {last === undefined ? null : (
          <Button look="ghost" size="small" onClick={() => onShowLine(last.number)}>
            {t("failure.showLog")}
          </Button>
        )}
      </div>
      <div
        tabIndex={0}
        role="group"
        aria-label={t("failure.stderr", lines.length)}
        className="max-h-56 overflow-auto border border-line bg-rail px-3 py-1.5 font-mono text-12 leading-[18px]"
      >
        {lines.map((line) => (
          <div key={line.number} className="whitespace-pre-wrap">
            <LogPieces pieces={readAnsiLine(line.text.slice(0, 2_000), line.style).pieces} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }): ReactNode {
  return (
    <span>
      <span className="text-faint">{name}</span> <span className="font-mono text-12">{value}</span>
    </span>
  );
}

const HINTS: Readonly<Record<string, TextKey & `failure.hint.${string}`>> = {
  exit_code: "failure.hint.exit_code",
  oom: "failure.hint.oom",
  timeout: "failure.hint.timeout",
  image_missing: "failure.hint.image_missing",
  policy_denied: "failure.hint.policy_denied",
  runner_lost: "failure.hint.runner_lost",
};

const REASONS: Readonly<Record<string, string>> = {
  ...failReasons,
  ...skipReasons,
  ...cancelReasons,
  ...expireReasons,
};

function sentence(run: Run): string {
  const reason = run.failReason ?? run.skipReason ?? run.cancelReason ?? (run.state === "expired" ? "queue_ttl" : "");
  return REASONS[reason] ?? "";
}

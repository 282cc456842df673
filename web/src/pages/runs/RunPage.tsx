import type { LogStream } from "@cronium/protocol/log-frame";
import type { Attempt, Run } from "@cronium/protocol/run";
import { isTerminal } from "@cronium/protocol/run-states";
import { useQuery } from "@tanstack/react-query";
import { useLocation, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { type ReactNode, useMemo } from "react";
import { type RunLive, useRunLive } from "../../api/run-live.ts";
import { runQuery } from "../../api/runs.ts";
import { EmptyState } from "../../components/EmptyState.tsx";
import { FailureCard } from "../../components/FailureCard.tsx";
import { JsonView } from "../../components/json/JsonView.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { LogView } from "../../components/log/LogView.tsx";
import { PhaseBar } from "../../components/PhaseBar.tsx";
import { Reason } from "../../components/Reason.tsx";
import { foldsText, parseFolds } from "../../lib/log/folds.ts";
import type { Level } from "../../lib/log/hints.ts";
import { useTitle } from "../../lib/document-title.ts";
import { apiPaths, paths } from "../../lib/paths.ts";
import { phasesOf } from "../../lib/phases.ts";
import { stateWord, t } from "../../lib/text.ts";
import { TabPanel, Tabs } from "../../ui/Tabs.tsx";
import { target } from "../../ui/TextLink.tsx";
import { ArtifactTable } from "./ArtifactTable.tsx";
import { AttemptTable } from "./AttemptTable.tsx";
import { RunChains } from "./RunChains.tsx";
import type { RunTab } from "./run-tabs.ts";
import { RunHead } from "./RunHead.tsx";
import { RunProgress } from "./RunProgress.tsx";

export interface RunSearch {
  readonly tab?: RunTab | undefined;
  readonly attempt?: number | undefined;
  readonly stream?: LogStream | undefined;
  readonly level?: Level | undefined;
  /** Folded groups of the log, as `lib/log/folds.ts` writes them. */
  readonly fold?: string | undefined;
}

export function RunPage(): ReactNode {
  useTitle(t("run.title"));
  const { runId = "" } = useParams({ strict: false });
  const query = useQuery(runQuery(runId));
  return <Loadable query={query}>{(run) => <WatchedRun key={run.id} run={run} />}</Loadable>;
}

function WatchedRun({ run }: { readonly run: Run }): ReactNode {
  useTitle(stateWord(run.state), run.eventName);
  const live = useRunLive(run.id);
  const search: RunSearch = useSearch({ strict: false });
  const { hash } = useLocation();
  const navigate = useNavigate();
  const attempt = chosenAttempt(run, search.attempt);
  const go = (change: RunSearch, nextHash = hash): void => {
    void navigate({
      ...target(paths.run(run.id), { ...search, ...change }, nextHash),
      replace: true,
      resetScroll: false,
    });
  };
  const tab = search.tab ?? "logs";
  const isOver = isTerminal(run.state);
  const showLine = (line: number): void => go({ tab: undefined, stream: undefined, level: undefined }, `L${line}`);
  return (
    <div className="flex flex-1 flex-col lg:min-h-0">
      <RunHead
        run={run}
        attempt={attempt}
        onAttempt={(number) => go({ attempt: number === run.attempt ? undefined : number })}
      />
      <div className="flex flex-col gap-3 px-4 pb-3 lg:px-6">
        <PhaseBar phases={phasesOf(run, attempt)} />
        <RunProgress run={run} />
        <RunChains run={run} />
        {run.state === "queued" ? (
          <Reason reason={run.queueReason} message={run.message} eventId={run.eventId} notBefore={run.notBefore} />
        ) : null}
        {run.state === "cancelling" ? <p className="text-dim">{run.message ?? t("run.cancelRequested")}</p> : null}
      </div>
      {isOver && run.state !== "succeeded" ? (
        <div className="pb-3">
          <FailureCard run={run} attempt={attempt} buffer={live.buffer} onShowLine={showLine} />
        </div>
      ) : null}
      <Tabs
        fill
        label={t("run.title")}
        value={tab}
        onChange={(next) => go({ tab: next === "logs" ? undefined : next })}
        tabs={[
          { value: "logs", label: t("tab.logs") },
          {
            value: "result",
            label: t("tab.result"),
            ...(run.artifacts.length > 0 ? { count: run.artifacts.length } : {}),
          },
          { value: "input", label: t("tab.input") },
          {
            value: "attempts",
            label: t("tab.attempts"),
            ...(run.attempts.length > 1 ? { count: run.attempts.length } : {}),
          },
        ]}
      >
        <TabPanel value="logs" className="flex h-[70dvh] min-h-72 flex-col lg:h-auto lg:min-h-[45dvh] lg:flex-[1_0_0]">
          <RunLog run={run} live={live} search={search} hash={hash} onSearch={go} />
        </TabPanel>
        <TabPanel value="result">
          <ArtifactTable run={run} />
          {run.output === null ? (
            <EmptyState
              title={isOver ? t("result.none") : t("result.pending")}
              help={isOver ? t("result.noneHelp") : t("result.pendingHelp")}
            />
          ) : (
            <JsonView value={run.output} fileName={`${run.id}-result.json`} />
          )}
        </TabPanel>
        <TabPanel value="input">
          {run.input === null ? (
            <EmptyState title={t("input.none")} help={t("input.noneHelp")} />
          ) : (
            <JsonView value={run.input} fileName={`${run.id}-input.json`} />
          )}
        </TabPanel>
        <TabPanel value="attempts">
          <AttemptTable run={run} />
        </TabPanel>
      </Tabs>
    </div>
  );
}

interface RunLogProps {
  readonly run: Run;
  readonly live: RunLive;
  readonly search: RunSearch;
  readonly hash: string;
  readonly onSearch: (change: RunSearch, hash?: string) => void;
}

function RunLog({ run, live, search, hash, onSearch }: RunLogProps): ReactNode {
  const folds = useMemo(() => parseFolds(search.fold), [search.fold]);
  return (
    <LogView
      buffer={live.buffer}
      isLive={!isTerminal(run.state)}
      connection={live.connection}
      isCaughtUp={live.isCaughtUp}
      stream={search.stream ?? null}
      onStream={(stream) => onSearch({ stream: stream ?? undefined })}
      level={search.level ?? null}
      onLevel={(level) => onSearch({ level: level ?? undefined })}
      folds={folds}
      // A link to a line keeps the groups around it open; who folds one has read it.
      onFolds={(next) => onSearch({ fold: foldsText(next) }, "")}
      downloadHref={apiPaths.runLogs(run.id)}
      downloadName={`${run.id}.log`}
      hash={hash}
      onHash={(next) => onSearch({}, next)}
      attempt={search.attempt ?? null}
    />
  );
}

function chosenAttempt(run: Run, wanted: number | undefined): Attempt | null {
  const chosen = run.attempts.find((attempt) => attempt.attempt === wanted);
  if (chosen !== undefined) {
    return chosen;
  }
  // While a retry waits, the newest attempt is over and the phases are those of the wait.
  return run.state === "queued" ? null : (run.attempts.at(-1) ?? null);
}

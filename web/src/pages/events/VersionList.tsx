import type { Event } from "@cronium/protocol/event";
import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { eventVersionsQuery } from "../../api/events.ts";
import { itemsOf } from "../../api/page.ts";
import { CodeView } from "../../components/code/CodeEditor.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { classes } from "../../ui/classes.ts";

/** Every saved version, newest first, with its script beside it. */
export function VersionList({ eventId, current }: { readonly eventId: string; readonly current: number }): ReactNode {
  const query = useInfiniteQuery(eventVersionsQuery(eventId));
  const versions = itemsOf(query.data);
  const [chosen, setChosen] = useState<number | null>(null);
  const shown = versions.find((version) => version.version === chosen) ?? versions[0];
  return (
    <Loadable query={query}>
      {() => (
        <div className="flex flex-1 flex-col lg:flex-row">
          <div className="flex flex-col border-line lg:w-72 lg:border-r">
            <ul>
              {versions.map((version) => (
                <VersionRow
                  key={version.version}
                  version={version}
                  isCurrent={version.version === current}
                  isShown={version === shown}
                  onShow={() => setChosen(version.version)}
                />
              ))}
            </ul>
            {query.hasNextPage ? (
              <div className="px-4 py-2 lg:px-6">
                <Button size="small" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {t("action.loadMore")}
                </Button>
              </div>
            ) : null}
          </div>
          {shown === undefined ? null : (
            <CodeView
              key={shown.version}
              label={t("event.versionOf", shown.version)}
              language={shown.runtime}
              value={shown.script}
              className="min-h-80 flex-1 max-lg:border-t max-lg:border-line"
            />
          )}
        </div>
      )}
    </Loadable>
  );
}

interface VersionRowProps {
  readonly version: Event;
  readonly isCurrent: boolean;
  readonly isShown: boolean;
  readonly onShow: () => void;
}

function VersionRow({ version, isCurrent, isShown, onShow }: VersionRowProps): ReactNode {
  return (
    <li
      className={classes(
        "relative flex h-8 items-center gap-2 border-b border-line px-4 pointer-coarse:h-11 lg:px-6",
        isShown ? "bg-active" : "hover:bg-hover",
      )}
    >
      <button
        type="button"
        aria-pressed={isShown}
        onClick={onShow}
        className="font-medium -outline-offset-2 after:absolute after:inset-0"
      >
        {t("event.versionOf", version.version)}
      </button>
      {isCurrent ? <span className="text-12 text-faint">{t("event.current")}</span> : null}
      <span className="ml-auto text-12 text-dim">
        <Time at={version.updatedAt} />
      </span>
    </li>
  );
}

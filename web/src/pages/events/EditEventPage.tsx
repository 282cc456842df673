import type { NewEvent } from "@cronium/protocol/api/events";
import type { Event } from "@cronium/protocol/event";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { type ReactNode, useMemo, useState } from "react";
import { eventQuery, updateEvent } from "../../api/events.ts";
import { keys } from "../../api/keys.ts";
import { itemsOf } from "../../api/page.ts";
import { runnersQuery } from "../../api/runners.ts";
import { Loadable } from "../../components/Loadable.tsx";
import { ConflictForm } from "../../forms/ConflictForm.tsx";
import { EventForm } from "../../forms/EventForm.tsx";
import { RunForm } from "../../forms/RunForm.tsx";
import { isApiError } from "../../lib/api-error.ts";
import { useTitle } from "../../lib/document-title.ts";
import { type EventDraft, changeOf, draftOf, readDraft } from "../../forms/event-draft.ts";
import { t } from "../../lib/text.ts";

export function EditEventPage(): ReactNode {
  const { eventId = "" } = useParams({ strict: false });
  const query = useQuery({ ...eventQuery(eventId), refetchOnWindowFocus: false, refetchOnReconnect: false });
  return <Loadable query={query}>{(event) => <Editor key={event.id} loaded={event} />}</Loadable>;
}

interface Conflict {
  readonly mine: EventDraft;
  readonly theirs: Event;
}

function Editor({ loaded }: { readonly loaded: Event }): ReactNode {
  useTitle(t("editor.editTitle", loaded.name));
  const client = useQueryClient();
  const runners = useInfiniteQuery(runnersQuery());
  // The version this edit is based on: news from elsewhere never replaces what is being typed.
  const [base, setBase] = useState(loaded);
  const [savedVersion, setSavedVersion] = useState<number | null>(null);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const [isRunning, setRunning] = useState(false);
  const initial = useMemo(() => draftOf(base), [base]);

  const adopt = (event: Event): void => {
    client.setQueryData(keys.event(event.id), event);
    void client.invalidateQueries({ queryKey: keys.events() });
    void client.invalidateQueries({ queryKey: keys.eventVersions(event.id) });
    setBase(event);
    setConflict(null);
  };

  const save = async (draft: NewEvent): Promise<boolean> => {
    const change = changeOf(draft, base);
    if (Object.keys(change).length === 1) {
      return true;
    }
    try {
      const saved = await updateEvent(base.id, change);
      adopt(saved);
      setSavedVersion(saved.version);
      return true;
    } catch (error) {
      if (!isApiError(error, "version_conflict")) {
        throw error;
      }
      const theirs = await client.fetchQuery({ ...eventQuery(base.id), staleTime: 0 });
      setConflict({ mine: draftOf({ ...base, ...draft }), theirs });
      return false;
    }
  };

  const merge = useMutation({
    mutationFn: async ({ mine, theirs }: Conflict) => {
      const read = readDraft(mine);
      if (!read.ok) {
        throw new Error(Object.values(read.errors).join(" "));
      }
      return updateEvent(theirs.id, changeOf(read.event, theirs));
    },
    onSuccess: (saved) => {
      adopt(saved);
      setSavedVersion(saved.version);
    },
  });

  return (
    <>
      <EventForm
        eventId={base.id}
        title={t("editor.editTitle", base.name)}
        initial={initial}
        isNew={false}
        savedNote={savedVersion === null ? null : t("editor.saved", savedVersion)}
        runners={itemsOf(runners.data)}
        onSave={save}
        onRun={() => setRunning(true)}
      />
      {conflict === null ? null : (
        <ConflictForm
          key={conflict.theirs.version}
          mine={conflict.mine}
          baseVersion={base.version}
          theirs={conflict.theirs}
          error={merge.error}
          busy={merge.isPending}
          onTakeTheirs={() => adopt(conflict.theirs)}
          onKeep={(mine) => merge.mutate({ mine, theirs: conflict.theirs })}
          onClose={() => setConflict(null)}
        />
      )}
      {isRunning ? <RunForm eventId={base.id} eventName={base.name} onClose={() => setRunning(false)} /> : null}
    </>
  );
}

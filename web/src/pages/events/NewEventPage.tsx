import type { NewEvent } from "@cronium/protocol/api/events";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { createEvent } from "../../api/events.ts";
import { keys } from "../../api/keys.ts";
import { itemsOf } from "../../api/page.ts";
import { runnersQuery } from "../../api/runners.ts";
import { EventForm } from "../../forms/EventForm.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { newDraft } from "../../forms/event-draft.ts";
import { paths } from "../../lib/paths.ts";
import { idempotencyKey } from "../../lib/random.ts";
import { t } from "../../lib/text.ts";
import { target } from "../../ui/TextLink.tsx";

export function NewEventPage(): ReactNode {
  useTitle(t("editor.newTitle"));
  const navigate = useNavigate();
  const client = useQueryClient();
  const runners = useInfiniteQuery(runnersQuery());
  const [initial] = useState(newDraft);
  const create = async (draft: NewEvent): Promise<boolean> => {
    const event = await createEvent(draft, idempotencyKey());
    client.setQueryData(keys.event(event.id), event);
    await client.invalidateQueries({ queryKey: keys.events() });
    await navigate(target(paths.event(event.id)));
    return true;
  };
  return (
    <EventForm
      eventId={null}
      title={t("editor.newTitle")}
      initial={initial}
      isNew
      savedNote={null}
      runners={itemsOf(runners.data)}
      onSave={create}
    />
  );
}

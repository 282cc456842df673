import type { Endpoint, EndpointWithSecret } from "@cronium/protocol/endpoint";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { createEndpoint, endpointsQuery, updateEndpoint } from "../api/endpoints.ts";
import { eventsQuery } from "../api/events.ts";
import { keys } from "../api/keys.ts";
import { itemsOf } from "../api/page.ts";
import { ConflictLine } from "../components/ConflictLine.tsx";
import { EndpointSecret } from "../components/EndpointSecret.tsx";
import { ShownOnce } from "../components/ShownOnce.tsx";
import { isApiError } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Input } from "../ui/Field.tsx";
import { icon } from "../ui/icons.ts";
import {
  endpointChange,
  endpointDraft,
  endpointProblems,
  type EndpointDraft,
  MAX_TARGETS,
  newEndpoint,
  sentTargets,
  type TargetDraft,
  withTarget,
} from "./endpoint-draft.ts";
import { ArrivalFields } from "./ArrivalFields.tsx";
import { TargetFields } from "./TargetFields.tsx";
import { VerificationFields } from "./VerificationFields.tsx";

export interface EndpointFormProps {
  /** Null makes a new one. */
  readonly endpoint: Endpoint | null;
  readonly onClose: () => void;
}

/** Makes an endpoint, or changes one. What is shown once is shown here. */
export function EndpointForm({ endpoint, onClose }: EndpointFormProps): ReactNode {
  const [draft, setDraft] = useState(() => endpointDraft(endpoint));
  // What is typed is based on the version of then, whatever the list shows meanwhile.
  const [base, setBase] = useState(endpoint);
  const [made, setMade] = useState<EndpointWithSecret | null>(null);
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());
  const client = useQueryClient();
  const events = itemsOf(useInfiniteQuery(eventsQuery()).data);
  const save = useMutation({
    /** Only what was changed here, onto the version that is named. */
    mutationFn: async (version: number | undefined): Promise<EndpointWithSecret | null> => {
      if (base === null || version === undefined) {
        return createEndpoint(newEndpoint(draft));
      }
      await updateEndpoint({ id: base.id, change: { ...endpointChange(draft, base), version } });
      return null;
    },
    onSuccess: (answer) => {
      void client.invalidateQueries({ queryKey: keys.endpoints() });
      if (answer !== null && (answer.secret !== null || answer.endpoint.path !== null)) {
        setMade(answer);
      } else {
        onClose();
      }
    },
  });
  const newest = async (): Promise<Endpoint> => {
    const page = await client.fetchQuery({ ...endpointsQuery(), staleTime: 0 });
    const found = page.items.find(({ id }) => id === base?.id);
    if (found === undefined) {
      throw new Error(t("stale.gone"));
    }
    return found;
  };
  if (made !== null) {
    return <Made made={made} onClose={onClose} />;
  }
  const change = (next: Partial<EndpointDraft>): void => {
    setDraft({ ...draft, ...next });
    // What was said is of what stood there before.
    save.reset();
    setProblems(new Map());
  };
  const put = (key: number, next: Partial<TargetDraft>): void =>
    change({ targets: draft.targets.map((one) => (one.key === key ? { ...one, ...next } : one)) });
  const errorAt = (pointer: string): string | undefined =>
    problems.get(pointer) ?? (isApiError(save.error) ? save.error.fieldMessage(pointer) : undefined);
  return (
    <Dialog
      open
      onClose={onClose}
      shape="sheet"
      title={base === null ? t("endpointForm.title") : t("endpointForm.editTitle", base.name)}
    >
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          const found = endpointProblems(draft);
          setProblems(found);
          if (found.size === 0) {
            save.mutate(base?.version);
          }
        }}
      >
        <Field label={t("endpointForm.name")} error={errorAt("/name")}>
          {(control) => (
            <Input
              {...control}
              autoComplete="off"
              maxLength={200}
              value={draft.name}
              onChange={(event) => change({ name: event.target.value })}
              autoFocus
            />
          )}
        </Field>
        <VerificationFields draft={draft} isNew={base === null} errorAt={errorAt} onChange={change} />
        {draft.targets.map((target, i) => (
          <TargetFields
            key={target.key}
            number={i + 1}
            target={target}
            events={events}
            endpointId={base?.id ?? null}
            errorAt={(field) => errorAt(`/targets/${sentTargets(draft).indexOf(target)}/${field}`)}
            onChange={(next) => put(target.key, next)}
            onRemove={() => change({ targets: draft.targets.filter(({ key }) => key !== target.key) })}
          />
        ))}
        {draft.targets.length < MAX_TARGETS ? (
          <Button
            className="self-start"
            icon={<Plus {...icon} />}
            onClick={() => change({ targets: withTarget(draft.targets) })}
          >
            {t("endpointForm.addEvent")}
          </Button>
        ) : null}
        <ArrivalFields draft={draft} errorAt={errorAt} onChange={change} />
        <ConflictLine
          error={save.error}
          onReload={async () => {
            const now = await newest();
            setBase(now);
            setDraft(endpointDraft(now));
            save.reset();
          }}
          onOverwrite={async () => save.mutate((await newest()).version)}
        />
        <Button type="submit" look="primary" className="self-start" busy={save.isPending}>
          {base === null ? t("endpointForm.submit") : t("endpointForm.save")}
        </Button>
      </form>
    </Dialog>
  );
}

/** The secret where it was made up; the address where that is the secret, or all there is to copy. */
function Made({ made, onClose }: { readonly made: EndpointWithSecret; readonly onClose: () => void }): ReactNode {
  const { endpoint, secret } = made;
  if (secret !== null) {
    return <EndpointSecret secret={secret} onClose={onClose} />;
  }
  return (
    <ShownOnce
      title={t("endpointForm.addressTitle")}
      body={t(endpoint.verification.kind === "none" ? "endpointForm.addressOnce" : "endpointForm.addressHelp")}
      text={`${location.origin}${endpoint.path}`}
      copy={t("endpoint.copyAddress")}
      onClose={onClose}
    />
  );
}

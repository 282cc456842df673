import type { EventSummary } from "@cronium/protocol/api/events";
import { Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { t } from "../lib/text.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import { Field, Select, TextArea } from "../ui/Field.tsx";
import { icon } from "../ui/icons.ts";
import type { TargetDraft } from "./endpoint-draft.ts";
import { TryTarget } from "./TryTarget.tsx";

export interface TargetFieldsProps {
  /** From 1 on. */
  readonly number: number;
  readonly target: TargetDraft;
  readonly events: readonly Pick<EventSummary, "id" | "name">[];
  /** Whose deliveries the expressions can be tried on; null for one that is not there yet. */
  readonly endpointId: string | null;
  readonly errorAt: (field: "eventId" | "filter" | "mapping") => string | undefined;
  readonly onChange: (next: Partial<TargetDraft>) => void;
  readonly onRemove: () => void;
}

/** An event that deliveries start: which of them, and with what input. */
export function TargetFields(props: TargetFieldsProps): ReactNode {
  const { number, target, events, endpointId, errorAt, onChange, onRemove } = props;
  const { eventId, filter, mapping } = target;
  const [isTrying, setTrying] = useState(false);
  const isKnown = eventId === "" || events.some(({ id }) => id === eventId);
  const typed = (field: "filter" | "mapping") => ({
    value: target[field],
    autoComplete: "off",
    spellCheck: false,
    className: "font-mono text-12",
    onChange: (event: { readonly target: { readonly value: string } }) => onChange({ [field]: event.target.value }),
  });
  return (
    <fieldset className="flex min-w-0 flex-col gap-3 border border-line p-3">
      <legend className="px-1 text-12 font-medium text-dim">{t("endpointForm.target", number)}</legend>
      <div className="flex items-end gap-2">
        <div className="min-w-0 flex-1">
          <Field label={t("endpointForm.event")} error={errorAt("eventId")}>
            {(control) => (
              <Select {...control} value={eventId} onChange={(event) => onChange({ eventId: event.target.value })}>
                <option value="">{t("endpointForm.noEvent")}</option>
                {isKnown ? null : <option value={eventId}>{eventId}</option>}
                {events.map((event) => (
                  <option key={event.id} value={event.id}>
                    {event.name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        </div>
        <IconButton label={t("endpointForm.removeEvent", number)} onClick={onRemove}>
          <Trash2 {...icon} />
        </IconButton>
      </div>
      <Field label={t("endpointForm.filter")} help={t("endpointForm.filterHelp")} error={errorAt("filter")}>
        {(control) => <TextArea {...control} {...typed("filter")} rows={2} placeholder="body.kind == 'paid'" />}
      </Field>
      <Field label={t("endpointForm.mapping")} help={t("endpointForm.mappingHelp")} error={errorAt("mapping")}>
        {(control) => <TextArea {...control} {...typed("mapping")} rows={3} placeholder={'{"id": body.order.id}'} />}
      </Field>
      {isTrying ? (
        <TryTarget endpointId={endpointId} eventId={eventId} filter={filter} mapping={mapping} />
      ) : (
        <Button className="self-start" onClick={() => setTrying(true)}>
          {t("endpointForm.try")}
        </Button>
      )}
    </fieldset>
  );
}

import type { PreviewedDelivery } from "@cronium/protocol/api/endpoints";
import { deliveryVerdicts } from "@cronium/protocol/webhook-tables";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { deliveriesQuery, previewDelivery } from "../api/endpoints.ts";
import { itemsOf } from "../api/page.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { isKept } from "../lib/delivery.ts";
import { t } from "../lib/text.ts";
import { absoluteTime, viewerZone } from "../lib/time.ts";
import { Button } from "../ui/Button.tsx";
import { Field, Select, TextArea } from "../ui/Field.tsx";
import { orNull } from "./endpoint-draft.ts";

export interface TryTargetProps {
  readonly endpointId: string | null;
  readonly eventId: string;
  readonly filter: string;
  readonly mapping: string;
}

const PASTED = "";

/** A filter and a mapping on something that arrived, or on a body; the server works it out, and starts nothing. */
export function TryTarget({ endpointId, eventId, filter, mapping }: TryTargetProps): ReactNode {
  const kept = itemsOf(
    useInfiniteQuery({ ...deliveriesQuery({ endpointId: endpointId ?? undefined }), enabled: endpointId !== null })
      .data,
  )
    .filter(isKept)
    .slice(0, 20);
  const [chosen, setChosen] = useState<string | null>(null);
  const [body, setBody] = useState('{"order": {"id": 7}}');
  const deliveryId = chosen ?? kept[0]?.id ?? PASTED;
  const attempt = useMutation({ mutationFn: previewDelivery });
  return (
    <div className="flex flex-col gap-3 border-t border-line pt-3">
      {kept.length === 0 ? null : (
        <Field label={t("try.sample")}>
          {(control) => (
            <Select {...control} value={deliveryId} onChange={(event) => setChosen(event.target.value)}>
              {kept.map((one) => (
                <option key={one.id} value={one.id}>
                  {absoluteTime(Date.parse(one.at), viewerZone())} · {t(`verdict.${one.verdict}`)}
                </option>
              ))}
              <option value={PASTED}>{t("try.pasted")}</option>
            </Select>
          )}
        </Field>
      )}
      {deliveryId === PASTED ? (
        <Field label={t("try.body")} help={t("try.bodyHelp")}>
          {(control) => (
            <TextArea
              {...control}
              rows={4}
              className="font-mono text-12"
              spellCheck={false}
              value={body}
              onChange={(event) => setBody(event.target.value)}
            />
          )}
        </Field>
      ) : null}
      <Button
        className="self-start"
        busy={attempt.isPending}
        onClick={() =>
          attempt.mutate({
            filter: orNull(filter),
            mapping: orNull(mapping),
            ...(eventId === "" ? {} : { eventId }),
            sample: deliveryId === PASTED ? { body } : { deliveryId },
          })
        }
      >
        {t("try.now")}
      </Button>
      <div aria-live="polite">{attempt.data === undefined ? null : <Outcome outcome={attempt.data} />}</div>
      <ErrorLine error={attempt.error} />
    </div>
  );
}

function Outcome({ outcome }: { readonly outcome: PreviewedDelivery }): ReactNode {
  const { verdict, message, input, body } = outcome;
  const isGood = verdict === "accepted";
  const shown = isGood ? input : body;
  return (
    <div className="flex flex-col gap-1">
      <p className={isGood ? "text-good" : verdict === "filtered" ? "text-dim" : "text-bad"}>
        {message ?? (isGood ? t("try.accepted") : deliveryVerdicts[verdict])}
      </p>
      {verdict === "invalid_body" ? null : (
        <>
          <p className="text-12 text-faint">{t(isGood ? "try.input" : "try.seen")}</p>
          <pre
            tabIndex={0}
            aria-label={t(isGood ? "try.input" : "try.seen")}
            className="max-h-60 overflow-auto border border-line bg-rail px-3 py-2 font-mono text-12 whitespace-pre-wrap"
          >
            {JSON.stringify(shown, null, 2)}
          </pre>
        </>
      )}
    </div>
  );
}

import type { Endpoint } from "@cronium/protocol/endpoint";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { deliveriesQuery, deliveryQuery, listenAtEndpoint } from "../../api/endpoints.ts";
import { keys } from "../../api/keys.ts";
import { itemsOf } from "../../api/page.ts";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Time } from "../../components/Time.tsx";
import { t } from "../../lib/text.ts";
import { clockTime, viewerZone } from "../../lib/time.ts";
import { Button } from "../../ui/Button.tsx";
import { DeliveryBody } from "./DeliveryBody.tsx";

/** Listening for the next delivery, and the last one that was heard in this way. */
export function TestListen({ endpoint }: { readonly endpoint: Endpoint }): ReactNode {
  const { id, listensUntil } = endpoint;
  const client = useQueryClient();
  const [last] = itemsOf(useInfiniteQuery(deliveriesQuery({ endpointId: id, verdict: "test" })).data);
  const listen = useMutation({
    mutationFn: listenAtEndpoint,
    onSettled: () => client.invalidateQueries({ queryKey: keys.endpoints() }),
  });
  return (
    <section className="flex flex-col gap-2">
      <Button
        className="self-start"
        busy={listen.isPending}
        onClick={() => listen.mutate({ id, on: listensUntil === null })}
      >
        {listensUntil === null ? t("endpoint.listen") : t("endpoint.stopListening")}
      </Button>
      <div aria-live="polite">
        {listensUntil === null ? null : (
          <p className="text-12 text-hold">
            {t("endpoint.listenHelp", clockTime(Date.parse(listensUntil), viewerZone()).slice(0, 5))}
          </p>
        )}
      </div>
      <ErrorLine error={listen.error} />
      {last === undefined || listensUntil !== null ? null : <LastTest id={last.id} at={last.at} />}
    </section>
  );
}

function LastTest({ id, at }: { readonly id: string; readonly at: string }): ReactNode {
  const { data } = useQuery(deliveryQuery(id));
  return (
    <div className="flex flex-col gap-1">
      <p className="text-12 text-faint">
        {t("endpoint.lastTest")} <Time at={at} />
      </p>
      {data === undefined ? null : <DeliveryBody delivery={data} />}
    </div>
  );
}

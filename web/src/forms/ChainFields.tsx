import type { Chain } from "@cronium/protocol/chain";
import { chainEnds, MAX_CHAINS } from "@cronium/protocol/chain-tables";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { eventsQuery } from "../api/events.ts";
import { itemsOf } from "../api/page.ts";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Field, Select, TextArea } from "../ui/Field.tsx";
import { icon } from "../ui/icons.ts";
import { chainError, chainsIn, chainsText } from "./chain-draft.ts";

export interface ChainFieldsProps {
  /** Null for an event that is not saved yet. */
  readonly eventId: string | null;
  /** As `chainsText` makes it. */
  readonly chains: string;
  readonly error: string | undefined;
  readonly onChange: (chains: string) => void;
}

/** Which events start when a run ends, at which end, and with what input. */
export function ChainFields({ eventId, chains: text, error, onChange }: ChainFieldsProps): ReactNode {
  const chains = chainsIn(text);
  const put = (next: readonly Chain[]): void => onChange(chainsText(next));
  const isFull = chains.length >= MAX_CHAINS;
  return (
    <>
      <p className="text-12 text-faint">{t("chains.help")}</p>
      {chains.map((chain, i) => (
        <ChainRow
          key={i}
          n={i}
          ownId={eventId}
          chain={chain}
          error={error}
          onChange={(change) => put(chains.map((one, k) => (k === i ? { ...one, ...change } : one)))}
          onRemove={() => put(chains.filter((_, k) => k !== i))}
        />
      ))}
      {chainError(error, "all") === undefined ? null : <p className="text-12 text-bad">{chainError(error, "all")}</p>}
      <Button
        look="ghost"
        className="self-start"
        icon={<Plus {...icon} />}
        blocked={isFull ? t("chains.most") : undefined}
        onClick={() => put([...chains, { eventId: "", on: "success", mapping: null }])}
      >
        {t("chains.add")}
      </Button>
    </>
  );
}

interface ChainRowProps {
  readonly n: number;
  readonly ownId: string | null;
  readonly chain: Chain;
  readonly error: string | undefined;
  readonly onChange: (change: Partial<Chain>) => void;
  readonly onRemove: () => void;
}

function ChainRow({ n, ownId, chain, error, onChange, onRemove }: ChainRowProps): ReactNode {
  const events = itemsOf(useInfiniteQuery(eventsQuery()).data).filter(({ id }) => id !== ownId);
  const isListed = chain.eventId === "" || events.some(({ id }) => id === chain.eventId);
  return (
    <fieldset className="flex flex-col gap-2 rounded-control border border-line p-3">
      <legend className="sr-only">{t("chains.nth", n + 1)}</legend>
      <Field label={t("chains.event")} error={chainError(error, n, "eventId")}>
        {(control) => (
          <Select {...control} value={chain.eventId} onChange={({ target }) => onChange({ eventId: target.value })}>
            <option value="">{t("chains.noEvent")}</option>
            {isListed ? null : <option value={chain.eventId}>{chain.eventId}</option>}
            {events.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t("chains.on")}>
        {(control) => (
          <Select
            {...control}
            value={chain.on}
            onChange={({ target }) => onChange({ on: target.value as Chain["on"] })}
          >
            {chainEnds.map((on) => (
              <option key={on} value={on}>
                {t(`chains.on.${on}`)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t("chains.mapping")} help={t("chains.mappingHelp")} error={chainError(error, n, "mapping")}>
        {(control) => (
          <TextArea
            {...control}
            value={chain.mapping ?? ""}
            onChange={({ target }) => onChange({ mapping: target.value })}
            rows={2}
            maxLength={4_000}
            spellCheck={false}
            autoComplete="off"
            className="font-mono text-12"
            placeholder={'{"rows": output.rows}'}
          />
        )}
      </Field>
      <Button look="ghost" className="self-start" icon={<Trash2 {...icon} />} onClick={onRemove}>
        {t("chains.remove")}
      </Button>
    </fieldset>
  );
}

import type { Runtime } from "@cronium/protocol/event";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { secretsQuery, variablesQuery } from "../api/values.ts";
import { CopyButton } from "../components/CopyLine.tsx";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { t } from "../lib/text.ts";

export interface ValuePickerProps {
  /** Null for an event that is not saved yet. */
  readonly eventId: string | null;
  readonly runtime: Runtime;
  /** Names, a line each. */
  readonly secrets: string;
  readonly secretEnv: string;
  readonly error: string | undefined;
  readonly onChange: (change: { readonly secrets: string; readonly secretEnv: string }) => void;
}

function namesOf(text: string): readonly string[] {
  return text.split("\n").filter((name) => name !== "");
}

/** Which secrets the script may read, and what it can write to read variables. */
export function ValuePicker(props: ValuePickerProps): ReactNode {
  return (
    <>
      <Secrets {...props} />
      <Variables eventId={props.eventId} runtime={props.runtime} />
    </>
  );
}

function Secrets({ eventId, secrets, secretEnv, error, onChange }: ValuePickerProps): ReactNode {
  const query = useQuery(secretsQuery(eventId));
  const [chosen, inEnv] = [namesOf(secrets), namesOf(secretEnv)];
  const known = [
    ...new Set(
      query.data?.items.filter((one) => one.eventId === null || one.eventId === eventId).map(({ name }) => name),
    ),
  ];
  const gone = query.data === undefined ? [] : chosen.filter((name) => !known.includes(name));
  const names = query.data === undefined ? chosen : [...known, ...gone].toSorted();
  const put = (list: readonly string[], name: string, isIn: boolean): string =>
    [...list.filter((other) => other !== name), ...(isIn ? [name] : [])].toSorted().join("\n");
  return (
    <fieldset className="flex flex-col gap-1">
      <legend className="pb-1 text-12 font-medium text-dim">{t("picker.secrets")}</legend>
      <p className="text-12 text-faint">
        {query.data !== undefined && names.length === 0 ? t("picker.none") : t("picker.help")}
      </p>
      {names.map((name) => (
        <div key={name} className="flex min-h-7 flex-wrap items-center gap-x-4 pointer-coarse:min-h-11">
          <label className="flex min-w-0 flex-1 items-center gap-2">
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              onChange={({ target: { checked } }) =>
                onChange({
                  secrets: put(chosen, name, checked),
                  secretEnv: checked ? secretEnv : put(inEnv, name, false),
                })
              }
            />
            <code className="truncate font-mono text-12" title={name}>
              {name}
            </code>
            {gone.includes(name) ? <span className="text-12 text-bad">{t("picker.missing")}</span> : null}
          </label>
          {chosen.includes(name) ? (
            <label className="flex items-center gap-2 text-12 text-dim">
              <input
                type="checkbox"
                checked={inEnv.includes(name)}
                onChange={({ target: { checked } }) => onChange({ secrets, secretEnv: put(inEnv, name, checked) })}
              />
              {t("picker.env")}
            </label>
          ) : null}
        </div>
      ))}
      {error === undefined ? null : <p className="text-12 text-bad">{error}</p>}
      <ErrorLine error={query.error} />
    </fieldset>
  );
}

const CALLS = {
  python: (name: string) => `cronium.get_variable("${name}")`,
  node: (name: string) => `await getVariable("${name}")`,
  bash: (name: string) => `$(cronium_get_variable ${name})`,
} as const satisfies Record<Runtime, (name: string) => string>;

function Variables({ eventId, runtime }: Pick<ValuePickerProps, "eventId" | "runtime">): ReactNode {
  const query = useQuery(variablesQuery(eventId));
  const names = [
    ...new Set(
      query.data?.items.filter((one) => one.eventId === null || one.eventId === eventId).map(({ name }) => name),
    ),
  ];
  return (
    <div className="flex flex-col gap-1">
      <h3 className="text-12 font-medium text-dim">{t("picker.variables")}</h3>
      <p className="text-12 text-faint">{names.length === 0 ? t("picker.noVariables") : t("picker.variablesHelp")}</p>
      {names.map((name) => (
        <div key={name} className="flex items-center gap-2">
          <code className="min-w-0 flex-1 truncate font-mono text-12" title={CALLS[runtime](name)}>
            {CALLS[runtime](name)}
          </code>
          <span aria-label={t("picker.copy", name)} role="group">
            <CopyButton text={CALLS[runtime](name)} label={t("action.copy")} />
          </span>
        </div>
      ))}
      <ErrorLine error={query.error} />
    </div>
  );
}

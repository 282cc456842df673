import type { Settings, UpdateSettings } from "@cronium/protocol/api/settings";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { keys } from "../api/keys.ts";
import type { Versioned } from "../api/http.ts";
import { settingsQuery, updateSettings } from "../api/workspace.ts";
import { ConflictLine } from "../components/ConflictLine.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Field, Input } from "../ui/Field.tsx";

/** Every setting, so that a new one is not forgotten here. */
const FIELDS = {
  concurrency: { label: "limits.concurrency", help: "limits.concurrencyHelp", least: 1, most: 100_000 },
  queueLimit: { label: "limits.queueLimit", help: "limits.queueLimitHelp", least: 1, most: 10_000_000 },
  triggersPerMinute: { label: "limits.triggers", help: "limits.triggersHelp", least: 1, most: 10_000_000 },
  retentionDays: { label: "limits.retention", help: "limits.retentionHelp", least: 1, most: 3_650 },
  occurrenceRetentionDays: {
    label: "limits.occurrences",
    help: "limits.occurrencesHelp",
    least: 1,
    most: 3_650,
  },
  deliveryRetentionDays: { label: "limits.deliveries", help: "limits.deliveriesHelp", least: 14, most: 3_650 },
  auditRetentionDays: { label: "limits.audit", help: "limits.auditHelp", least: 30, most: 3_650 },
} as const satisfies Record<keyof Settings, object>;
type Name = keyof typeof FIELDS;
const NAMES = Object.keys(FIELDS) as Name[];

type Draft = Readonly<Record<Name, string>>;

function draftOf(settings: Settings): Draft {
  return Object.fromEntries(
    NAMES.map((name) => [name, settings[name] === null ? "" : String(settings[name])]),
  ) as Draft;
}

/** Undefined for what is no number within the range. Only `concurrency` may be left empty: no limit. */
function valueOf(name: Name, text: string): number | null | undefined {
  if (text.trim() === "" && name === "concurrency") {
    return null;
  }
  const { least, most } = FIELDS[name];
  const value = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

/** `isFixed`: to be read alone. */
export function SettingsForm({
  settings,
  isFixed,
}: {
  readonly settings: Versioned<Settings>;
  readonly isFixed: boolean;
}): ReactNode {
  // What others change while this is open must not pass for a change of the person here.
  const [base, setBase] = useState(settings);
  const [draft, setDraft] = useState(draftOf(base.value));
  const client = useQueryClient();
  const adopt = (now: Versioned<Settings>): void => {
    client.setQueryData(keys.settings(), now);
    setBase(now);
    setDraft(draftOf(now.value));
  };
  const newest = (): Promise<Versioned<Settings>> => client.fetchQuery({ ...settingsQuery(), staleTime: 0 });
  const save = useMutation({ mutationFn: updateSettings, onSuccess: adopt });
  const changed = NAMES.filter((name) => valueOf(name, draft[name]) !== base.value[name]);
  /** Only what was changed here: the rest stays as others have left it. */
  const change = (): UpdateSettings => Object.fromEntries(changed.map((name) => [name, valueOf(name, draft[name])]));
  const wrong = NAMES.filter((name) => valueOf(name, draft[name]) === undefined);
  return (
    <form
      noValidate
      className="flex w-full max-w-96 flex-col items-start gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (wrong.length === 0 && changed.length > 0) {
          save.mutate({ change: change(), version: base.version });
        }
      }}
    >
      {NAMES.map((name) => {
        const { label, help, least, most } = FIELDS[name];
        const error = wrong.includes(name) ? t("limits.range", least, most) : undefined;
        return (
          <div key={name} className="w-full">
            <Field label={t(label)} help={t(help)} error={error}>
              {(control) => (
                <Input
                  {...control}
                  inputMode="numeric"
                  autoComplete="off"
                  readOnly={isFixed}
                  value={draft[name]}
                  onChange={(event) => setDraft({ ...draft, [name]: event.target.value })}
                />
              )}
            </Field>
          </div>
        );
      })}
      <ConflictLine
        error={save.error}
        onReload={async () => {
          adopt(await newest());
          save.reset();
        }}
        onOverwrite={async () => save.mutate({ change: change(), version: (await newest()).version })}
      />
      {isFixed ? null : (
        <Button
          type="submit"
          busy={save.isPending}
          blocked={wrong.length > 0 ? t("limits.fix") : changed.length === 0 ? t("limits.same") : undefined}
        >
          {t("limits.save")}
        </Button>
      )}
    </form>
  );
}

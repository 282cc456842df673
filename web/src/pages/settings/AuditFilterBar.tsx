import { useNavigate } from "@tanstack/react-router";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import type { AuditFilter } from "../../api/keys.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { Field, Input, Select } from "../../ui/Field.tsx";
import { icon } from "../../ui/icons.ts";
import { target } from "../../ui/TextLink.tsx";

/** Beginnings of verbs: each stands for all that is done to things of this kind. */
const KINDS = [
  "account.",
  "api_key.",
  "bulk.",
  "event.",
  "invitation.",
  "member.",
  "message.",
  "queue.",
  "registration_token.",
  "run.",
  "runner.",
  "secret.",
  "service_account.",
  "session.",
  "settings.",
  "variable.",
  "workspace.",
] as const;

export interface AuditFilterBarProps {
  readonly filter: AuditFilter;
  /** Who can be chosen, by id. */
  readonly people: ReadonlyMap<string, string>;
}

/** The filter lives in the address, so that it can be passed on. */
export function AuditFilterBar({ filter, people }: AuditFilterBarProps): ReactNode {
  const navigate = useNavigate();
  const change = (part: AuditFilter): void => {
    void navigate({ ...target(paths.settings(), { tab: "audit", ...filter, ...part }), replace: true });
  };
  const { verb, actor, target: on, from, to } = filter;
  return (
    <div role="group" aria-label={t("audit.filter")} className="flex flex-wrap items-end gap-3 px-4 pb-3 lg:px-6">
      <Field label={t("audit.what")}>
        {(control) => (
          <Select
            {...control}
            value={verb ?? ""}
            onChange={(event) => change({ verb: event.target.value || undefined })}
          >
            <option value="">{t("audit.anything")}</option>
            {withChosen(KINDS, verb).map((kind) => (
              <option key={kind} value={kind}>
                {kind.endsWith(".") ? kind.slice(0, -1).replace("_", " ") : kind}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t("audit.who")}>
        {(control) => (
          <Select
            {...control}
            className="max-w-56"
            value={actor ?? ""}
            onChange={(event) => change({ actor: event.target.value || undefined })}
          >
            <option value="">{t("audit.anybody")}</option>
            {withChosen([...people.keys()], actor).map((id) => (
              <option key={id} value={id}>
                {people.get(id) ?? id}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t("audit.from")}>
        {(control) => (
          <Input
            {...control}
            type="date"
            value={from ?? ""}
            max={to}
            onChange={(event) => change({ from: event.target.value || undefined })}
          />
        )}
      </Field>
      <Field label={t("audit.to")}>
        {(control) => (
          <Input
            {...control}
            type="date"
            value={to ?? ""}
            min={from}
            onChange={(event) => change({ to: event.target.value || undefined })}
          />
        )}
      </Field>
      {on === undefined ? null : (
        <Button
          size="small"
          aria-label={`${t("action.clearFilters")}: ${on}`}
          onClick={() => change({ target: undefined })}
        >
          <code className="font-mono text-12">{on}</code>
          <X {...icon} />
        </Button>
      )}
      {Object.values(filter).every((value) => value === undefined) ? null : (
        <Button
          size="small"
          look="ghost"
          onClick={() =>
            change({ verb: undefined, actor: undefined, target: undefined, from: undefined, to: undefined })
          }
        >
          {t("action.clearFilters")}
        </Button>
      )}
    </div>
  );
}

/** What the address asks for is always among the choices, whoever wrote it. */
function withChosen(choices: readonly string[], chosen: string | undefined): readonly string[] {
  return chosen === undefined || choices.includes(chosen) ? choices : [...choices, chosen];
}

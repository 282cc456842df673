import { Plus, X } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import { Field, Input, Select, TextArea } from "../ui/Field.tsx";
import { icon } from "../ui/icons.ts";
import type { BlackoutDraft, ScheduleDraft } from "./schedule-draft.ts";
import type { DraftFieldsProps } from "./TimingFields.tsx";

const OVERLAPS = ["skip", "queue_one", "allow", "cancel_previous"] as const;
const CATCH_UPS = ["latest", "none", "all"] as const;

type TextName = "catchUpMax" | "catchUpWindow" | "startAt" | "endAt" | "jitter" | "pauseAfter";

/** What becomes of its times, and which of them count. */
export function ScheduleRuleFields({ draft, onChange, messageAt }: DraftFieldsProps): ReactNode {
  const text = (name: TextName, pointer: string, label: string, help?: string, type = "text"): ReactNode => (
    <Field label={label} help={help} error={messageAt(pointer)}>
      {(control) => (
        <Input
          {...control}
          type={type}
          autoComplete="off"
          value={draft[name]}
          onChange={(event) => onChange({ [name]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <>
      <Field label={t("scheduleForm.overlap")}>
        {(control) => (
          <Select
            {...control}
            value={draft.overlap}
            onChange={(event) => onChange({ overlap: event.target.value as ScheduleDraft["overlap"] })}
          >
            {OVERLAPS.map((overlap) => (
              <option key={overlap} value={overlap}>
                {t(`scheduleForm.overlap.${overlap}`)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t("scheduleForm.catchUp")} help={t("scheduleForm.catchUpHelp")}>
        {(control) => (
          <Select
            {...control}
            value={draft.catchUp}
            onChange={(event) => onChange({ catchUp: event.target.value as ScheduleDraft["catchUp"] })}
          >
            {CATCH_UPS.map((mode) => (
              <option key={mode} value={mode}>
                {t(`scheduleForm.catchUp.${mode}`)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {draft.catchUp === "none" ? null : (
        <div className="grid gap-4 sm:grid-cols-2">
          {draft.catchUp === "all" ? text("catchUpMax", "/catchUp/max", t("scheduleForm.most")) : null}
          {text("catchUpWindow", "/catchUp/windowMs", t("scheduleForm.window"), t("scheduleForm.windowHelp"))}
        </div>
      )}
      <div className="grid gap-4 sm:grid-cols-2">
        {text("startAt", "/startAt", t("scheduleForm.start"), t("scheduleForm.startHelp"), "datetime-local")}
        {text("endAt", "/endAt", t("scheduleForm.end"), t("scheduleForm.endHelp"), "datetime-local")}
        {text("jitter", "/jitterMs", t("scheduleForm.jitter"), t("scheduleForm.jitterHelp"))}
        {text("pauseAfter", "/pauseAfterFailures", t("scheduleForm.pauseAfter"), t("scheduleForm.pauseAfterHelp"))}
      </div>
      <Blackouts draft={draft} onChange={onChange} messageAt={messageAt} />
      <Field label={t("scheduleForm.input")} help={t("scheduleForm.inputHelp")} error={messageAt("/input")}>
        {(control) => (
          <TextArea
            {...control}
            rows={3}
            spellCheck={false}
            className="font-mono"
            value={draft.input}
            onChange={(event) => onChange({ input: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

function Blackouts({ draft: { blackouts }, onChange, messageAt }: DraftFieldsProps): ReactNode {
  const set = (at: number, next: Partial<BlackoutDraft>): void =>
    onChange({ blackouts: blackouts.map((one, i) => (i === at ? { ...one, ...next } : one)) });
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="pb-1 text-12 font-medium text-dim">{t("scheduleForm.blackouts")}</legend>
      <p className="text-12 text-faint">{t("scheduleForm.blackoutsHelp")}</p>
      {blackouts.map((one, i) => {
        const message = messageAt(`/blackouts/${i}`);
        const type = one.kind === "days" ? "date" : "datetime-local";
        return (
          <div key={i} className="flex flex-col gap-1">
            <div className="flex flex-wrap items-center gap-2">
              <Select
                aria-label={t("scheduleForm.blackoutKind", i + 1)}
                className="w-auto!"
                value={one.kind}
                onChange={(event) =>
                  set(i, { kind: event.target.value === "days" ? "days" : "times", from: "", until: "" })
                }
              >
                <option value="days">{t("scheduleForm.blackoutDays")}</option>
                <option value="times">{t("scheduleForm.blackoutTimes")}</option>
              </Select>
              <Input
                aria-label={t("scheduleForm.blackoutFrom", i + 1)}
                type={type}
                className="w-auto! min-w-0"
                value={one.from}
                onChange={(event) => set(i, { from: event.target.value })}
              />
              <Input
                aria-label={t("scheduleForm.blackoutUntil", i + 1)}
                type={type}
                className="w-auto! min-w-0"
                value={one.until}
                onChange={(event) => set(i, { until: event.target.value })}
              />
              <Input
                aria-label={t("scheduleForm.blackoutNote", i + 1)}
                placeholder={t("runner.note")}
                className="w-auto! min-w-32 flex-1"
                value={one.note}
                onChange={(event) => set(i, { note: event.target.value })}
              />
              <IconButton
                label={t("scheduleForm.blackoutDrop", i + 1)}
                onClick={() => onChange({ blackouts: blackouts.filter((_, other) => other !== i) })}
              >
                <X {...icon} />
              </IconButton>
            </div>
            {message === undefined ? null : (
              <p role="alert" className="text-12 text-bad">
                {message}
              </p>
            )}
          </div>
        );
      })}
      <Button
        size="small"
        className="self-start"
        icon={<Plus {...icon} />}
        onClick={() => onChange({ blackouts: [...blackouts, { kind: "days", from: "", until: "", note: "" }] })}
      >
        {t("scheduleForm.blackoutAdd")}
      </Button>
    </fieldset>
  );
}

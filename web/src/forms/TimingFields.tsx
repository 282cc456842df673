import { type ReactNode, useId } from "react";
import { controlsFor, controlsOf, type CronControls, minuteSteps, patternOf } from "../lib/cron-controls.ts";
import { t } from "../lib/text.ts";
import { Field, Input, Select } from "../ui/Field.tsx";
import type { ScheduleDraft } from "./schedule-draft.ts";
import type { MessageAt } from "./ScheduleForm.tsx";

export interface DraftFieldsProps {
  readonly draft: ScheduleDraft;
  readonly onChange: (next: Partial<ScheduleDraft>) => void;
  readonly messageAt: MessageAt;
}

const KINDS = ["cron", "interval", "once"] as const;
const REPEATS = ["minutes", "hourly", "daily", "weekly", "monthly"] as const;
/** Monday first. */
const DAYS = [1, 2, 3, 4, 5, 6, 0] as const;

/** When it fires: a pattern with controls for the common ones, an interval, or once; and in which zone. */
export function TimingFields({ draft, onChange, messageAt }: DraftFieldsProps): ReactNode {
  return (
    <>
      <Field label={t("scheduleForm.kind")}>
        {(control) => (
          <Select
            {...control}
            value={draft.kind}
            onChange={(event) => onChange({ kind: event.target.value as ScheduleDraft["kind"] })}
          >
            {KINDS.map((kind) => (
              <option key={kind} value={kind}>
                {t(`scheduleForm.kind.${kind}`)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {draft.kind === "cron" ? <CronFields draft={draft} onChange={onChange} messageAt={messageAt} /> : null}
      {draft.kind === "interval" ? (
        <Field
          label={t("scheduleForm.every")}
          help={t("scheduleForm.everyHelp")}
          error={messageAt("/timing/everyMs") ?? messageAt("/timing")}
        >
          {(control) => (
            <Input {...control} value={draft.every} onChange={(event) => onChange({ every: event.target.value })} />
          )}
        </Field>
      ) : null}
      {draft.kind === "once" ? (
        <Field label={t("scheduleForm.at")} error={messageAt("/timing/at") ?? messageAt("/timing")}>
          {(control) => (
            <Input
              {...control}
              type="datetime-local"
              step={1}
              value={draft.at}
              onChange={(event) => onChange({ at: event.target.value })}
            />
          )}
        </Field>
      ) : null}
      <Field label={t("scheduleForm.zone")} help={t("scheduleForm.zoneHelp")} error={messageAt("/timezone")}>
        {(control) => (
          <Input
            {...control}
            spellCheck={false}
            value={draft.timezone}
            onChange={(event) => onChange({ timezone: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

/** The controls and the pattern show one another; what the controls cannot say stands in the pattern alone. */
function CronFields({ draft, onChange, messageAt }: DraftFieldsProps): ReactNode {
  const controls = controlsOf(draft.pattern);
  const set = (next: CronControls): void => onChange({ pattern: patternOf(next) });
  return (
    <>
      <Field label={t("scheduleForm.repeats")}>
        {(control) => (
          <Select
            {...control}
            value={controls?.repeats ?? "own"}
            onChange={(event) => {
              const repeats = REPEATS.find((one) => one === event.target.value);
              if (repeats !== undefined) {
                set(controlsFor(repeats, controls));
              }
            }}
          >
            {REPEATS.map((repeats) => (
              <option key={repeats} value={repeats}>
                {t(`scheduleForm.repeats.${repeats}`)}
              </option>
            ))}
            <option value="own" disabled={controls !== null}>
              {t("scheduleForm.repeats.own")}
            </option>
          </Select>
        )}
      </Field>
      {controls === null ? null : <Controls controls={controls} onChange={set} />}
      <Field
        label={t("scheduleForm.pattern")}
        help={t("scheduleForm.patternHelp")}
        error={messageAt("/timing/pattern") ?? messageAt("/timing")}
      >
        {(control) => (
          <Input
            {...control}
            className="font-mono"
            spellCheck={false}
            value={draft.pattern}
            onChange={(event) => onChange({ pattern: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

interface ControlsProps {
  readonly controls: CronControls;
  readonly onChange: (next: CronControls) => void;
}

function Controls({ controls, onChange }: ControlsProps): ReactNode {
  switch (controls.repeats) {
    case "minutes":
      return (
        <Choice
          label={t("scheduleForm.step")}
          value={controls.every}
          choices={minuteSteps.map((step) => [step, String(step)])}
          onChange={(every) => onChange({ ...controls, every })}
        />
      );
    case "hourly":
      return (
        <Choice
          label={t("scheduleForm.minute")}
          value={controls.minute}
          choices={Array.from({ length: 60 }, (_, minute) => [minute, String(minute)])}
          onChange={(minute) => onChange({ ...controls, minute })}
        />
      );
    case "daily":
      return <TimeOfDay time={controls.time} onChange={(time) => onChange({ ...controls, time })} />;
    case "weekly":
      return (
        <>
          <fieldset>
            <legend className="pb-1 text-12 font-medium text-dim">{t("scheduleForm.days")}</legend>
            <div className="flex flex-wrap gap-x-4">
              {DAYS.map((day) => (
                <label key={day} className="flex min-h-7 items-center gap-1.5 pointer-coarse:min-h-11">
                  <input
                    type="checkbox"
                    checked={controls.days.includes(day)}
                    onChange={(event) => {
                      const days = event.target.checked
                        ? [...controls.days, day]
                        : controls.days.filter((one) => one !== day);
                      // No day at all is no pattern.
                      if (days.length > 0) {
                        onChange({ ...controls, days });
                      }
                    }}
                  />
                  {t(`scheduleForm.day.${day}`)}
                </label>
              ))}
            </div>
          </fieldset>
          <TimeOfDay time={controls.time} onChange={(time) => onChange({ ...controls, time })} />
        </>
      );
    case "monthly":
      return (
        <>
          <Choice
            label={t("scheduleForm.monthday")}
            value={controls.day === "L" ? 0 : controls.day}
            choices={[
              ...Array.from({ length: 31 }, (_, i) => [i + 1, String(i + 1)] as const),
              [0, t("scheduleForm.lastDay")],
            ]}
            onChange={(day) => onChange({ ...controls, day: day === 0 ? "L" : day })}
          />
          <TimeOfDay time={controls.time} onChange={(time) => onChange({ ...controls, time })} />
        </>
      );
    default:
      return controls satisfies never;
  }
}

function Choice({
  label,
  value,
  choices,
  onChange,
}: {
  readonly label: string;
  readonly value: number;
  readonly choices: readonly (readonly [number, string])[];
  readonly onChange: (value: number) => void;
}): ReactNode {
  return (
    <Field label={label}>
      {(control) => (
        <Select
          {...control}
          className="max-w-40"
          value={value}
          onChange={(event) => onChange(Number(event.target.value))}
        >
          {choices.map(([choice, text]) => (
            <option key={choice} value={choice}>
              {text}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

function TimeOfDay({
  time,
  onChange,
}: {
  readonly time: string;
  readonly onChange: (time: string) => void;
}): ReactNode {
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-12 font-medium text-dim">
        {t("scheduleForm.time")}
      </label>
      <Input
        id={id}
        type="time"
        className="max-w-40"
        value={time}
        // A field that is being emptied keeps the last whole time.
        onChange={(event) => /^\d\d:\d\d/.test(event.target.value) && onChange(event.target.value.slice(0, 5))}
      />
    </div>
  );
}

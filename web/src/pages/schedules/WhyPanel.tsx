import type { Schedule } from "@cronium/protocol/schedule";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { whyQuery } from "../../api/schedules.ts";
import { Loadable } from "../../components/Loadable.tsx";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { absoluteTime } from "../../lib/time.ts";
import { momentOf, wallTime } from "../../lib/wall-time.ts";
import { Button } from "../../ui/Button.tsx";
import { Field, Input } from "../../ui/Field.tsx";
import { TextLink, target } from "../../ui/TextLink.tsx";

export interface WhyPanelProps {
  readonly schedule: Schedule;
  /** What is asked about; undefined before anything is. */
  readonly at: string | undefined;
}

/** Why did it, or did it not, run at a time? The time stands in the address, so that the answer can be passed on. */
export function WhyPanel({ schedule, at }: WhyPanelProps): ReactNode {
  const { id, timezone } = schedule;
  const [typed, setTyped] = useState<{ readonly for: string | undefined; readonly text: string } | null>(null);
  const [isWrong, setWrong] = useState(false);
  const navigate = useNavigate();
  // Another time that was asked for by a link takes the place of what was typed before.
  const text = typed !== null && typed.for === at ? typed.text : wallTime(at ?? null, timezone);
  return (
    <>
      <form
        noValidate
        className="flex flex-col gap-2"
        onSubmit={(submit) => {
          submit.preventDefault();
          const moment = momentOf(text, timezone);
          setWrong(moment === null);
          if (moment !== null) {
            void navigate({ ...target(paths.schedule(id), { why: moment }), replace: true, resetScroll: false });
          }
        }}
      >
        <Field label={t("why.at", timezone)} error={isWrong ? t("why.wrong") : undefined}>
          {(control) => (
            <span className="flex gap-2">
              <Input
                {...control}
                type="datetime-local"
                step={1}
                className="min-w-0 max-w-60"
                value={text}
                onChange={(change) => setTyped({ for: at, text: change.target.value })}
              />
              <Button type="submit">{t("why.ask")}</Button>
            </span>
          )}
        </Field>
      </form>
      {at === undefined ? (
        <p className="text-12 text-faint">{t("why.help")}</p>
      ) : (
        <Answer schedule={schedule} at={at} />
      )}
    </>
  );
}

function Answer({ schedule: { id, timezone }, at }: { readonly schedule: Schedule; readonly at: string }): ReactNode {
  const query = useQuery(whyQuery(id, at));
  return (
    <div aria-live="polite" className="flex flex-col gap-1">
      <Loadable query={query} rows={2}>
        {(answer) => (
          <>
            <p>{answer.message}</p>
            <p className="flex flex-wrap gap-x-4 gap-y-1 text-12">
              {typeof answer.occurrence?.runId !== "string" ? null : (
                <TextLink to={paths.run(answer.occurrence.runId)}>{t("occurrences.open")}</TextLink>
              )}
              {(["before", "after"] as const).map((side) => {
                const near = answer[side];
                return near === null ? null : (
                  <TextLink key={side} to={paths.schedule(id)} search={{ why: near }} quiet className="text-dim">
                    {t(`why.${side}`, absoluteTime(Date.parse(near), timezone))}
                  </TextLink>
                );
              })}
            </p>
          </>
        )}
      </Loadable>
    </div>
  );
}

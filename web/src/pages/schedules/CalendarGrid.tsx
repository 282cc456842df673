import { Layers } from "lucide-react";
import type { ReactNode } from "react";
import { type Calendar, type CalendarHour, COLLISION, dayTotal } from "../../lib/calendar.ts";
import { t } from "../../lib/text.ts";
import { classes } from "../../ui/classes.ts";

export interface GridProps {
  readonly calendar: Calendar;
  readonly days: readonly string[];
  readonly today: string;
  readonly opened: string | undefined;
  readonly onOpen: (at: string) => void;
}

const HOURS = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, "0"));

/** A column for each day, a row for each hour. */
export function WeekGrid({ calendar, days, today, opened, onOpen }: GridProps): ReactNode {
  return (
    <div className="px-4 lg:px-6">
      <table aria-label={t("calendar.week")} className="w-full table-fixed border-collapse text-12">
        <thead>
          <tr className="border-b border-line">
            <th scope="col" className="w-8 text-left font-normal text-faint">
              <span className="sr-only">{t("calendar.hour")}</span>
            </th>
            {days.map((day) => (
              <th
                key={day}
                scope="col"
                className={classes("h-8 px-1 text-left font-medium", day === today ? "text-text" : "text-faint")}
              >
                <span className="max-sm:hidden">{dayText(day)}</span>
                <span className="sm:hidden">{Number(day.slice(8))}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {HOURS.map((hour) => (
            <tr key={hour} className="border-b border-line">
              <th scope="row" className="text-left font-normal text-faint">
                {hour}
              </th>
              {days.map((day) => {
                const at = `${day}T${hour}`;
                return (
                  <td key={day} className="h-7 border-l border-line p-0 pointer-coarse:h-11">
                    <Cell
                      hour={calendar.hours.get(at)}
                      label={t("calendar.inHour", dayText(day), hour)}
                      isOpen={opened === at}
                      busy={BUSY_HOUR}
                      onOpen={() => onOpen(at)}
                    />
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A cell for each day, a row for each week. */
export function MonthGrid({
  calendar,
  days,
  today,
  opened,
  onOpen,
  month,
}: GridProps & { readonly month: string }): ReactNode {
  const weeks = Array.from({ length: days.length / 7 }, (_, i) => days.slice(i * 7, i * 7 + 7));
  return (
    <div className="px-4 lg:px-6">
      <table aria-label={t("calendar.month")} className="w-full table-fixed border-collapse text-12">
        <thead>
          <tr className="border-b border-line">
            {(weeks[0] ?? []).map((day) => (
              <th key={day} scope="col" className="h-8 px-1 text-left font-medium text-faint">
                {new Date(day).toLocaleDateString("en-GB", { timeZone: "UTC", weekday: "short" })}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={week[0]} className="border-b border-line">
              {week.map((day) => (
                <td key={day} className="h-16 border-l border-line p-0 align-top first:border-l-0 pointer-coarse:h-20">
                  <span
                    className={classes(
                      "block px-1 pt-1",
                      day === today ? "font-semibold text-text" : day.startsWith(month) ? "text-dim" : "text-faint",
                    )}
                  >
                    {Number(day.slice(8))}
                  </span>
                  <Cell
                    hour={dayTotal(calendar, day)}
                    label={t("calendar.onDay", dayText(day))}
                    isOpen={opened === day}
                    busy={BUSY_DAY}
                    onOpen={() => onOpen(day)}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** From so many on a cell is one step darker. */
const BUSY_HOUR = [2, 6, 30] as const;
const BUSY_DAY = [10, 60, 300] as const;
const SHADES = ["bg-hover", "bg-active", "bg-line", "bg-inverse text-on-inverse"] as const;

interface CellProps {
  readonly hour: CalendarHour | undefined;
  readonly label: string;
  readonly isOpen: boolean;
  readonly busy: readonly number[];
  readonly onOpen: () => void;
}

function Cell({ hour, label, isOpen, busy, onOpen }: CellProps): ReactNode {
  if (hour === undefined || hour.count === 0) {
    return null;
  }
  const shade = busy.filter((least) => hour.count >= least).length;
  const collides = hour.most >= COLLISION;
  const text = t("calendar.cell", label, hour.count, collides ? hour.most : 0);
  return (
    <button
      type="button"
      aria-label={text}
      aria-pressed={isOpen}
      title={text}
      className={classes(
        "flex h-7 w-full items-center gap-1 px-1 text-left pointer-coarse:h-11",
        SHADES[shade],
        isOpen && "outline-2 -outline-offset-2 outline-live",
      )}
      onClick={onOpen}
    >
      {hour.count.toLocaleString("en-US")}
      {collides ? (
        <Layers size={12} strokeWidth={1.5} className={classes("ml-auto shrink-0", shade < 3 && "text-warn")} />
      ) : null}
    </button>
  );
}

/** `Mon 23 Nov`. */
export function dayText(day: string): string {
  return new Date(day).toLocaleDateString("en-GB", {
    timeZone: "UTC",
    weekday: "short",
    day: "numeric",
    month: "short",
  });
}

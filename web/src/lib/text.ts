/** Every string on screen, English first. `t("run.cancel")`, or with values `t("log.jump", 12)`. */
import { accountText } from "./text/account.ts";
import { bulkText } from "./text/bulk.ts";
import { chainText } from "./text/chains.ts";
import { commonText } from "./text/common.ts";
import { deviceText } from "./text/device.ts";
import { eventText } from "./text/events.ts";
import { logText } from "./text/log.ts";
import { runText } from "./text/runs.ts";
import { runnerText } from "./text/runners.ts";
import { scheduleText } from "./text/schedules.ts";
import { settingsText } from "./text/settings.ts";
import { stateText } from "./text/states.ts";
import { valuesText } from "./text/values.ts";
import { webhookText } from "./text/webhooks.ts";

const catalogue = {
  ...commonText,
  ...accountText,
  ...deviceText,
  ...stateText,
  ...runText,
  ...bulkText,
  ...chainText,
  ...logText,
  ...eventText,
  ...runnerText,
  ...scheduleText,
  ...settingsText,
  ...valuesText,
  ...webhookText,
} as const;

type Catalogue = typeof catalogue;
export type TextKey = keyof Catalogue;

type Values<Key extends TextKey> = Catalogue[Key] extends (...values: infer V) => string ? V : [];

export function t<Key extends TextKey>(key: Key, ...values: Values<Key>): string {
  const entry: unknown = catalogue[key];
  return typeof entry === "function" ? (entry as (...values: unknown[]) => string)(...values) : (entry as string);
}

/** A state of runs, attempts or runners in words; a state this page does not know yet shows as it came. */
export function stateWord(state: string): string {
  const key = `state.${state}`;
  return Object.hasOwn(catalogue, key) ? t(key as TextKey & keyof typeof stateText) : state.replaceAll("_", " ");
}

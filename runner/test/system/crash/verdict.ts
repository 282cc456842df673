/** Everything in a report that breaks the promise, as sentences. */
import type { CrashReport } from "./suite.ts";

export function faultsOf(report: CrashReport): readonly string[] {
  return [
    ...report.lost.map((text) => `lost: ${text}`),
    ...report.doubled.map((text) => `doubled: ${text}`),
    ...report.projection.map((text) => `D1 differs: ${text}`),
    ...report.logs.map((text) => `log differs: ${text}`),
    ...report.orphans.map((text) => `left behind: ${text}`),
    ...(report.outbox === 0 ? [] : [`${report.outbox} rows are left in the outbox`]),
  ];
}

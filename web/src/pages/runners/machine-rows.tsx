/** What a runner's machine is and how it does, as names and values. */
import type { RunnerDetail } from "@cronium/protocol/runner-view";
import { Time } from "../../components/Time.tsx";
import { formatBytes } from "../../lib/duration.ts";
import { t } from "../../lib/text.ts";
import type { FactRow } from "../../ui/Facts.tsx";

const MB = 1_048_576;
const size = (mb: number): string => formatBytes(mb * MB);
/** A memory limit, in the unit in which events give it. */
const limit = (mb: number): string => `${mb.toLocaleString("en-US")} MB`;
const RUNTIME_NAMES = { python: "Python", node: "Node", bash: "Bash" } as const;

/** How it does. */
export function nowRows({ metrics, facts, platform, slotsUsed, slots, latencyMs }: RunnerDetail): FactRow[] {
  const own: FactRow[] = [
    [t("runners.slots"), t("runners.slotsUsed", slotsUsed, slots)],
    ...(latencyMs === null ? [] : [[t("runners.latency"), `${Math.round(latencyMs)} ms`] as const]),
  ];
  if (metrics === null) {
    return [...own, [t("runner.doingAt"), <span className="text-dim">{t("runner.neverSaid")}</span>]];
  }
  const budget = metrics.memoryBudgetMb;
  const disk = (which: "data" | "engine"): FactRow[] => {
    const whole = facts?.disks[which] ?? null;
    const free = metrics.diskFreeMb[which];
    const name = t(which === "data" ? "runner.dataDisk" : "runner.engineDisk");
    return whole === null || free === null
      ? []
      : [[name, <span title={whole.path}>{t("runner.freeOf", size(free), size(whole.sizeMb))}</span>]];
  };
  const [load] = metrics.load;
  return [
    ...own,
    [t("runner.load"), platform === null ? load.toFixed(2) : t("runner.loadOf", load.toFixed(2), platform.cpus)],
    [
      t("runner.memory"),
      platform === null
        ? size(metrics.memoryUsedMb)
        : t("runner.usedOf", size(metrics.memoryUsedMb), size(platform.memoryMb)),
    ],
    [
      t("runner.jobsMemory"),
      t("runner.usedOf", limit(metrics.jobsMemoryMb), budget === null ? t("runner.noBudget") : limit(budget)),
    ],
    ...disk("data"),
    ...disk("engine"),
    [
      t("runner.waiting"),
      metrics.waiting.length === 0 ? (
        <span className="text-dim">{t("runner.waitingNone")}</span>
      ) : (
        <ul>
          {metrics.waiting.map((kind) => (
            <li key={`${kind.runtime} ${kind.memoryMb} ${kind.cpus}`}>
              {t("runner.waitingOne", kind.count, RUNTIME_NAMES[kind.runtime], limit(kind.memoryMb))}
            </li>
          ))}
        </ul>
      ),
    ],
    [t("runner.doingAt"), <Time at={metrics.at} />],
  ];
}

/** What it is. */
export function machineRows({ facts, platform }: RunnerDetail): FactRow[] {
  const rows: FactRow[] = [];
  if (platform !== null) {
    rows.push(
      [t("runner.host"), <span className="break-words">{platform.hostname}</span>],
      [t("runner.kernel"), `${facts?.kernel ?? platform.os}`],
      [
        t("runner.processor"),
        `${platform.arch}, ${t("runners.machine", platform.cpus, formatBytes(platform.memoryMb * MB))}`,
      ],
    );
  }
  if (facts !== null) {
    const { engine, interpreters } = facts;
    const here = Object.entries(interpreters).filter(([, version]) => version !== null);
    rows.push(
      [
        t("runner.engine"),
        engine === null ? (
          <span className="text-warn">{t("runner.engineDown")}</span>
        ) : (
          [
            `${engine.name} ${engine.version}`,
            `API ${engine.api}`,
            ...(engine.containerd === null ? [] : [`${t("runner.containerd")} ${engine.containerd}`]),
            ...(engine.rootless ? [t("runner.rootless")] : []),
          ].join(", ")
        ),
      ],
      [
        t("runner.interpreters"),
        here.map(([name, version]) => `${RUNTIME_NAMES[name as keyof typeof RUNTIME_NAMES]} ${version}`).join(", ") ||
          t("runner.waitingNone"),
      ],
      [t("runner.process"), t(facts.process ? "runner.processYes" : "runner.processNo")],
    );
  }
  if (platform !== null) {
    rows.push([t("runner.ownNode"), platform.node]);
  }
  return rows;
}
